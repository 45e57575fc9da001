/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands that speak with the running broker: check, forget. They do so with a certificate that ends in minutes and
 * stands in no record, for a name that none could be issued under, being in capitals; its rights are lent for as long as the
 * command takes.
 */
#include <errno.h>
#include <openssl/rand.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "acl.h"
#include "command.h"
#include "directory.h"
#include "host.h"
#include "issue.h"
#include "outside.h"
#include "probe.h"
#include "say.h"
#include "util/text.h"
#include "util/url.h"

#define PASSING_S 600
#define TRIES     15
#define AGAIN_NS  100000000L
#define TAG_MAX   32

struct passing {
        char tag[TAG_MAX];
        char directory[64]; /* below DIR, 0700 */
        char cert[96], key[96];
};

struct visit {
        struct transaction transaction;
        struct url url;
        const char *url_text;
        struct passing passing;
        bool has_lent;
};

/* ---- The passing certificate ------------------------------------------------------------------------------------- */

static int make_tag(const char *what, char ret[static TAG_MAX], struct fault *fault)
{
        unsigned char random[8];

        if (RAND_bytes(random, sizeof(random)) != 1)
                return fault_set(fault, -EIO, "no random numbers");
        int n = snprintf(ret, TAG_MAX, "%s-", what);
        text_hex(random, sizeof(random), ret + n);
        return 0;
}

static int write_private(const char *path, const struct bytes *bytes, struct fault *fault)
{
        FILE *file = fopen(path, "wex");
        bool is_written = file && fwrite(bytes->data, 1, bytes->size, file) == bytes->size;

        if (file && fclose(file) != 0)
                is_written = false;
        return is_written ? 0 : fault_set(fault, -errno, "%s: cannot be written: %s", path, strerror(errno));
}

static int make_passing(struct visit *visit, const char *what, struct fault *fault)
{
        struct passing *passing = &visit->passing;
        CLEANUP(bytes_done) struct bytes key_pem = { 0 }, certificate_pem = { 0 };
        int r = make_tag(what, passing->tag, fault);

        (void)strcpy(passing->directory, "tmp.XXXXXX");
        if (r == 0 && !mkdtemp(passing->directory))
                r = fault_set(fault, -errno, "%s: cannot be written to; nothing was changed", visit->transaction.dir);
        if (r == 0)
                r = authority_make_pair(&visit->transaction.authority, passing->tag, PASSING_S, &key_pem,
                                        &certificate_pem, fault);
        (void)snprintf(passing->cert, sizeof(passing->cert), "%s/crt", passing->directory);
        (void)snprintf(passing->key, sizeof(passing->key), "%s/key", passing->directory);
        if (r == 0)
                r = write_private(passing->cert, &certificate_pem, fault);
        return r < 0 ? r : write_private(passing->key, &key_pem, fault);
}

static void drop_passing(const struct passing *passing)
{
        if (!passing->directory[0])
                return;
        (void)unlink(passing->cert);
        (void)unlink(passing->key);
        (void)rmdir(passing->directory);
}

/* ---- Rights on loan ---------------------------------------------------------------------------------------------- */

static int write_acl(struct visit *visit, const char *loan, struct fault *fault)
{
        CLEANUP_FREE char *text = NULL;
        int r = acl_text(visit->transaction.registry, loan, &text, fault);

        if (r < 0)
                return r;
        const struct outside_file file = { ACL_FILE, FILE_OF_BROKER, text, strlen(text) };
        return outside_is(&file) ? 0 : outside_write(&file, fault);
}

static int lend(struct visit *visit, const char *loan, struct fault *fault)
{
        struct services *services = &visit->transaction.services;
        int r = write_acl(visit, loan, fault);

        visit->has_lent = true;
        if (r < 0)
                return r;
        services_reload_broker(services);
        if (!services->broker[0])
                return fault_set(fault, -ENOENT, "no running broker was found here: run this on the broker's machine");
        if (services->broker_failed[0])
                return fault_set(fault, -EPERM, "the broker did not read its list again: %s", services->broker_failed);
        return 0;
}

static int end_loan(struct visit *visit, struct fault *fault)
{
        if (!visit->has_lent)
                return 0;
        visit->has_lent = false;
        int r = write_acl(visit, NULL, fault);
        services_reload_broker(&visit->transaction.services);
        return r;
}

/* ---- A visit ----------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t is_interrupted;

static void on_signal(int number)
{
        (void)number;
        is_interrupted = 1;
}

/* What was lent is taken back, whatever comes: a signal is heeded when it is safe. */
static void catch_signals(void)
{
        static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
        const struct sigaction action = { .sa_handler = on_signal };

        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
                (void)sigaction(numbers[i], &action, NULL);
}

static struct probe probe_of(const struct visit *visit)
{
        return (struct probe){ .host = visit->url.host,
                               .port = visit->url.port,
                               .client_id = visit->passing.tag,
                               .ca_path = AUTHORITY_CERT,
                               .cert_path = visit->passing.cert,
                               .key_path = visit->passing.key };
}

/* Takes --broker URL and what else there may be: one word. */
static int read_words(const struct command_line *line, const char **ret_url, const char **ret_word)
{
        *ret_url = LOCAL_BROKER_URL;
        *ret_word = NULL;
        for (int i = 0; i < line->count; i++) {
                const char *word = line->words[i];
                if (strcmp(word, "--broker") == 0 && i + 1 >= line->count)
                        return misused("--broker needs a URL: mqtts://HOST[:PORT]");
                if (strcmp(word, "--broker") == 0)
                        *ret_url = line->words[++i];
                else if (word[0] == '-')
                        return misused("%s has no option '%s': there is --broker URL", line->command, word);
                else if (*ret_word)
                        return misused("%s takes one NAME, and got '%s' and '%s'", line->command, *ret_word, word);
                else
                        *ret_word = word;
        }
        return check_broker_url(*ret_url);
}

static int begin(struct visit *visit, const struct command_line *line, const char *url, struct fault *fault)
{
        visit->transaction = transaction_of(line);
        visit->url_text = url;
        int r = url_parse(url, &visit->url, fault);
        if (r == 0)
                r = transaction_begin(&visit->transaction, fault);
        if (r == 0)
                catch_signals();
        return r;
}

/* The status to end with. */
static int end(struct visit *visit, int r, const struct fault *fault)
{
        struct fault later = { 0 };

        if (end_loan(visit, &later) < 0 && r == 0) {
                r = later.code;
                fault = &later;
        }
        drop_passing(&visit->passing);
        transaction_end(&visit->transaction);
        if (r == 0 && is_interrupted)
                return EXIT_FAILED;
        return r < 0 ? failed(fault) : EXIT_DONE;
}

/* ---- check ------------------------------------------------------------------------------------------------------- */

/* Two seconds or so: a broker reads its list again when it gets to it. */
static int attempt_until(const struct probe *probe, const char *topic, enum probe_outcome wanted, const char *complaint,
                         struct fault *fault)
{
        static const struct timespec moment = { .tv_nsec = AGAIN_NS };
        struct fault why = { 0 };

        for (int i = 0; i < TRIES && !is_interrupted; i++) {
                if (probe_publish(probe, topic, "check", false, &why) == wanted)
                        return 0;
                (void)nanosleep(&moment, NULL);
        }
        return fault_set(fault, -EPERM, "%s%s%s", complaint, why.text[0] ? "; it answered: " : "", why.text);
}

/* The list is the broker's when the broker allows what stands there, refuses what does not, and both change with it. */
static int try_broker(struct visit *visit, struct fault *fault)
{
        const struct probe probe = probe_of(visit);
        struct probe bare = probe;
        char mine[64], others[64], complaint[320];

        (void)snprintf(mine, sizeof(mine), "sconce-check/%s", probe.client_id);
        (void)snprintf(others, sizeof(others), "sconce-check/%s-other", probe.client_id);
        (void)snprintf(complaint, sizeof(complaint),
                       "the broker at %s refuses what %s/" ACL_FILE " allows, or who it should let in", visit->url_text,
                       visit->transaction.dir);
        int r = attempt_until(&probe, mine, PROBE_ACCEPTED, complaint, fault);
        if (r < 0)
                return r;
        if (probe_publish(&probe, others, "check", false, NULL) != PROBE_REFUSED)
                return fault_set(fault, -EPERM,
                                 "the broker at %s does not keep to %s/" ACL_FILE
                                 ": every certificate may do everything. Does "
                                 "another of its files set 'per_listener_settings', or name another acl_file?",
                                 visit->url_text, visit->transaction.dir);
        bare.cert_path = bare.key_path = NULL;
        bare.username = probe.client_id;
        if (probe_publish(&bare, mine, "check", false, NULL) != PROBE_OUT)
                return fault_set(
                        fault, -EPERM,
                        "the broker at %s lets clients in that have no certificate: 'require_certificate true' is "
                        "missing, or another of its files overrides it",
                        visit->url_text);
        r = end_loan(visit, fault);
        if (r < 0)
                return r;
        (void)snprintf(complaint, sizeof(complaint),
                       "the broker at %s goes on by a list that it should have read again", visit->url_text);
        return attempt_until(&probe, mine, PROBE_REFUSED, complaint, fault);
}

/* An upgrade brings rights that the list of the version before has not: the names in force decide what must be in it. */
static int bring_up_to_date(struct visit *visit, struct fault *fault)
{
        struct stat before, after;
        int was = stat(ACL_FILE, &before), r = write_acl(visit, NULL, fault);

        if (r == 0 && (was < 0 || (stat(ACL_FILE, &after) == 0 && before.st_ino != after.st_ino)))
                say("%s/" ACL_FILE
                    " was not as this version writes it: it is written again. A broker elsewhere needs the "
                    "new one.",
                    visit->transaction.dir);
        return r;
}

static int check(struct visit *visit, struct fault *fault)
{
        CLEANUP_FREE char *loan = NULL;
        int r = bring_up_to_date(visit, fault);

        if (r == 0)
                r = make_passing(visit, "CHECK", fault);
        if (r < 0)
                return r;
        const char *tag = visit->passing.tag;
        if (asprintf(&loan, "\nuser %s\ntopic write sconce-check/%s\n", tag, tag) < 0)
                return fault_set(fault, -ENOMEM, "out of memory");
        r = lend(visit, loan, fault);
        return r < 0 ? r : try_broker(visit, fault);
}

int command_check(const struct command_line *line)
{
        struct visit visit = { 0 };
        struct fault fault = { 0 };
        const char *url, *word;
        int status = read_words(line, &url, &word);

        if (status != 0)
                return status;
        if (word)
                return misused("check takes no NAME");
        int r = begin(&visit, line, url, &fault);
        if (r == 0)
                r = check(&visit, &fault);
        status = end(&visit, r, &fault);
        if (status == EXIT_DONE)
                say("The broker at %s keeps to the list: tried with certificates that are no longer valid.", url);
        return status;
}

/* ---- forget ------------------------------------------------------------------------------------------------------ */

static char *quoted(const char *text)
{
        char *all = malloc(2 * strlen(text) + 1), *to = all;

        for (; all && *text; text++) {
                if (*text == '"' || *text == '\\')
                        *to++ = '\\';
                *to++ = *text;
        }
        if (all)
                *to = '\0';
        return all;
}

/* The broker is verified by the name that it was issued under, by whatever address it is reached. */
static int write_client_config(struct visit *visit, const char *path, struct fault *fault)
{
        CLEANUP_FREE char *dir = quoted(visit->transaction.dir), *text = NULL;
        char server[NAME_MAX_BYTES] = "", line[NAME_MAX_BYTES + 32] = "";
        int r = first_broker(visit->transaction.registry, server, fault);

        if (r < 0 && r != -ENOENT)
                return r;
        if (server[0])
                (void)snprintf(line, sizeof(line), "server_name = %s\n", server);
        if (!dir ||
            asprintf(&text,
                     "[broker]\nurl = %s\n\n[tls]\nca = \"%s/" AUTHORITY_CERT "\"\ncert = \"%s/%s\"\nkey = \"%s/%s\"\n"
                     "crl = \"%s/" CRL_FILE "\"\n%s",
                     visit->url_text, dir, dir, visit->passing.cert, dir, visit->passing.key, dir, line) < 0)
                return fault_set(fault, -ENOMEM, "out of memory");
        const struct bytes bytes = { (unsigned char *)text, strlen(text) };
        return write_private(path, &bytes, fault);
}

/* As installed, beside this program; else as PATH has it. */
static void find_client(char *ret, size_t size)
{
        ssize_t n = readlink("/proc/self/exe", ret, size - sizeof("sconce"));

        if (n > 0) {
                ret[n] = '\0';
                char *slash = strrchr(ret, '/');
                (void)strcpy(slash ? slash + 1 : ret, "sconce");
                if (access(ret, X_OK) == 0)
                        return;
        }
        (void)strcpy(ret, "sconce");
}

static bool run_client(const char *config, const char *name)
{
        extern char **environ;
        char program[PATH_MAX];
        pid_t pid;
        int status = -1;

        find_client(program, sizeof(program));
        const char *const argv[] = { program, "--config", config, "forget", name, NULL };
        (void)fflush(stdout);
        if (posix_spawnp(&pid, program, NULL, NULL, (char *const *)(uintptr_t)argv, environ) != 0)
                return false;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct clearing {
        const struct probe *probe;
        struct fault *fault;
};

/* Another connection: this one is busy with what it is sent. */
static int clear_topic(void *userdata, const char *topic)
{
        const struct clearing *clearing = userdata;

        if (probe_publish(clearing->probe, topic, "", true, clearing->fault) != PROBE_ACCEPTED)
                return fault_set(clearing->fault, -EIO, "%s could not be cleared", topic);
        say("cleared %s", topic);
        return 0;
}

/* The topics by which Home Assistant knows the node's devices. */
static int clear_discovery(struct visit *visit, const char *name, struct fault *fault)
{
        struct probe reader = probe_of(visit), writer = reader;
        char filter[NAME_MAX_BYTES + 64], id[TAG_MAX + 8];
        struct clearing clearing = { &writer, fault };

        (void)snprintf(id, sizeof(id), "%s-clear", visit->passing.tag);
        writer.client_id = id;
        (void)snprintf(filter, sizeof(filter), "homeassistant/device/%s/#", name);
        return probe_retained(&reader, filter, clear_topic, &clearing, fault);
}

static int find_revoked(struct visit *visit, const char *word, struct name *ret, struct fault *fault)
{
        int r = find_issued(&visit->transaction, word, ret, fault);

        if (r == 0 && ret->kind != NAME_NODE)
                return fault_set(fault, -EINVAL, "%s is a %s, and only a node leaves anything at the broker", word,
                                 name_kind_word(ret->kind));
        if (r == 0 && !ret->is_revoked)
                return fault_set(fault, -EINVAL,
                                 "%s is in force, and would only publish again what is cleared: '%s revoke %s' first",
                                 word, visit->transaction.me, word);
        return r;
}

/* The revoked name gets its right to write back for as long as this takes, by each identity that it had: mosquitto shows
 * nobody what was retained by one who might not write it now. Its certificates stay on the CRL. */
static char *loan_of(const struct name *revoked, const char *tag)
{
        struct name before = *revoked;
        char identity[IDENTITY_MAX], *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return NULL;
        (void)fprintf(out,
                      "\nuser %s\ntopic readwrite sconce/%s/#\ntopic readwrite homeassistant/device/%s/#\n"
                      "topic readwrite sconce/reply/%s/#\n",
                      tag, before.name, before.name, tag);
        for (; before.generation > 0; before.generation--) {
                name_identity(&before, identity);
                (void)fprintf(out, "\nuser %s\ntopic write sconce/%s/#\ntopic write homeassistant/device/%s/#\n",
                              identity, before.name, before.name);
        }
        return fclose(out) == 0 ? text : NULL;
}

static int forget(struct visit *visit, const char *word, struct fault *fault)
{
        CLEANUP(name_done) struct name name = { 0 };
        CLEANUP_FREE char *loan = NULL;
        char config[96];
        int r = find_revoked(visit, word, &name, fault);

        if (r == 0)
                r = make_passing(visit, "FORGET", fault);
        if (r < 0)
                return r;
        (void)snprintf(config, sizeof(config), "%s/client.conf", visit->passing.directory);
        loan = loan_of(&name, visit->passing.tag);
        if (!loan)
                return fault_set(fault, -ENOMEM, "out of memory");
        r = write_client_config(visit, config, fault);
        if (r == 0)
                r = lend(visit, loan, fault);
        if (r == 0)
                r = clear_discovery(visit, word, fault);
        if (r == 0 && !run_client(config, word))
                r = fault_set(fault, -EIO,
                              "what %s has left at the broker was not cleared; sconce's messages are above", word);
        (void)unlink(config);
        return r;
}

int command_forget(const struct command_line *line)
{
        struct visit visit = { 0 };
        struct fault fault = { 0 };
        const char *url, *word;
        char name[NAME_MAX_BYTES];
        int status = read_words(line, &url, &word);

        if (status != 0)
                return status;
        if (!word)
                return misused("forget needs a NAME ('list' shows them)");
        status = take_old_name(word, name);
        if (status != 0)
                return status;
        int r = begin(&visit, line, url, &fault);
        if (r == 0)
                r = forget(&visit, name, &fault);
        return end(&visit, r, &fault);
}
