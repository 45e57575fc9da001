/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/moves.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "enrol/request.h"
#include "faults/pki_state.h"
#include "pki/clock.h"
#include "pki/program.h"
#include "util/cleanup.h"
#include "util/macro.h"

enum {
        WORDS = 12,
        KEPT_MAX = 32,
        DAY = 86400,
        SHORT = 90 * DAY,
        LONG = 730 * DAY,
        EARLIER = 3600,
        AGE_MAX = 5 * 365 * DAY
};

/* A request for renewal, as anyone may have kept it. */
struct kept {
        char *body, *payload;
        unsigned paper;
        EVP_PKEY *key; /* that is to be certified */
};

struct play {
        struct model model;
        const char *dir;
        struct tally *tally;
        char *why;
        FILE *trace;
        struct kept kept[KEPT_MAX];
        unsigned kept_count;
        int64_t now_s, begun_s; /* now_s: before the move */
        bool lists_are_fresh, is_split;
};

static void wrong(struct play *play, const char *format, ...) PRINTF_LIKE(2, 3);
static void wrong(struct play *play, const char *format, ...)
{
        va_list arguments;

        if (play->why[0])
                return;
        va_start(arguments, format);
        (void)vsnprintf(play->why, WHY_MAX, format, arguments);
        va_end(arguments);
}

static int64_t wall_s(void)
{
        return (int64_t)time(NULL);
}

/* ---- Commands ---------------------------------------------------------------------------------------------------- */

struct command {
        const char *words[WORDS + 1];
        unsigned count;
};

static void put(struct command *command, const char *word)
{
        if (command->count < WORDS)
                command->words[command->count++] = word;
}

/* What the signer could not write itself the next command has put in place. */
static void is_in_place(struct play *play)
{
        play->tally->pending += play->model.is_pending;
        play->model.is_pending = false;
}

/* Ends as it should, with words on stderr where it has failed. The output is the caller's to free. */
static char *run(struct play *play, const struct command *command, int status)
{
        struct ran ran;

        (void)fprintf(play->trace, "sconce-pki");
        for (unsigned i = 0; i < command->count; i++)
                (void)fprintf(play->trace, " %s", command->words[i]);
        program_run(play->dir, command->words, &ran);
        (void)fprintf(play->trace, "   # %d\n", ran.status);
        if (ran.status != status)
                wrong(play, "sconce-pki %s ended with %d, and should end with %d: %s", command->words[0], ran.status,
                      status, ran.err);
        if (status != 0 && !strstr(ran.err, "sconce-pki: "))
                wrong(play, "sconce-pki %s ended with %d without a word: %s", command->words[0], status, ran.err);
        play->tally->refused += status == 1;
        play->tally->misused += status == 2;
        char *out = TAKE_PTR(ran.out);
        ran_done(&ran);
        if (status != 2)
                is_in_place(play);
        return out;
}

static void run_only(struct play *play, const struct command *command, int status)
{
        free(run(play, command, status));
}

static void lists_were_written(struct play *play)
{
        model_write_lists(&play->model, play->now_s);
        play->lists_are_fresh = true;
}

/* ---- What has come of it ----------------------------------------------------------------------------------------- */

static FILE *open_in(const struct play *play, const char *directory, const char *name, const char *end)
{
        char path[512];

        (void)snprintf(path, sizeof(path), "%s/%s%s%s", play->dir, directory, name, end);
        return fopen(path, "re");
}

static X509 *read_certificate(const struct play *play, const char *directory, const char *name)
{
        CLEANUP_FILE FILE *in = open_in(play, directory, name, ".crt");
        return in ? PEM_read_X509(in, NULL, NULL, NULL) : NULL;
}

static EVP_PKEY *read_key(const struct play *play, const char *name)
{
        CLEANUP_FILE FILE *in = open_in(play, "issued/", name, ".key");
        return in ? PEM_read_PrivateKey(in, NULL, NULL, NULL) : NULL;
}

static int64_t seconds_of(const ASN1_TIME *at)
{
        struct tm tm;
        return ASN1_TIME_to_tm(at, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void serial_of(const X509 *certificate, char ret[static SERIAL_MAX])
{
        BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
        char *text = BN_bn2hex(number);

        (void)snprintf(ret, SERIAL_MAX, "%s", text);
        OPENSSL_free(text);
        BN_free(number);
}

static bool is_about(int64_t seconds, int64_t from, int64_t until)
{
        return seconds >= from && seconds <= until;
}

/* The name that the broker sees, who signed it, for what, and for how long. */
static void check_paper(struct play *play, const struct paper *paper, int64_t life_s)
{
        const struct model *model = &play->model;
        const struct holder *holder = &model->holders[paper->holder];
        uint32_t use = holder->kind == NAME_BROKER ? XKU_SSL_SERVER : XKU_SSL_CLIENT;
        char wanted[IDENTITY_MAX], cn[IDENTITY_MAX] = "";
        int64_t now_s = wall_s();

        model_identity(model, paper->holder, holder->kind == NAME_BROKER ? 1 : paper->generation, wanted);
        (void)X509_NAME_get_text_by_NID(X509_get_subject_name(paper->certificate), NID_commonName, cn, sizeof(cn));
        if (strcmp(cn, wanted) != 0)
                wrong(play, "the certificate is of %s, and should be of %s", cn, wanted);
        if (X509_verify(paper->certificate, X509_get0_pubkey(model->authorities[paper->authority])) != 1)
                wrong(play, "the certificate is not by the authority that should sign");
        if (X509_get_extended_key_usage(paper->certificate) != use || X509_check_ca(paper->certificate) != 0)
                wrong(play, "the certificate is good for something else");
        if (!is_about(paper->from_s, play->now_s - EARLIER, now_s - EARLIER) ||
            !is_about(paper->until_s, play->now_s + life_s, now_s + life_s))
                wrong(play, "the certificate is good for another time");
        for (const struct paper *other = model->papers; other < paper; other++)
                if (strcmp(other->serial, paper->serial) == 0)
                        wrong(play, "the certificate is one that there was");
}

/* Takes both over. */
static struct paper *add_paper(struct play *play, unsigned holder, unsigned authority, X509 *certificate, EVP_PKEY *key)
{
        struct model *model = &play->model;

        if (!certificate || !key || model->paper_count == PAPERS_MAX) {
                wrong(play, "there is no certificate of %s with its key", model->holders[holder].name);
                X509_free(certificate);
                EVP_PKEY_free(key);
                return NULL;
        }
        struct paper *paper = &model->papers[model->paper_count++];
        *paper = (struct paper){ .holder = holder,
                                 .generation = model->holders[holder].generation,
                                 .authority = authority,
                                 .from_s = seconds_of(X509_get0_notBefore(certificate)),
                                 .until_s = seconds_of(X509_get0_notAfter(certificate)),
                                 .certificate = certificate,
                                 .key = key };
        serial_of(certificate, paper->serial);
        if (X509_check_private_key(certificate, key) != 1)
                wrong(play, "the certificate of %s is for another key", model->holders[holder].name);
        play->tally->issued++;
        return paper;
}

/* Of a command or the upkeep, which make the key as well. */
static void take_issued(struct play *play, unsigned holder, unsigned authority)
{
        struct model *model = &play->model;
        const struct holder *known = &model->holders[holder];
        bool is_short = known->kind == NAME_CLIENT && known->rights != RIGHTS_HOME_ASSISTANT;
        struct paper *paper = add_paper(play, holder, authority, read_certificate(play, "issued/", known->name),
                                        read_key(play, known->name));

        if (!paper)
                return;
        paper->is_packed = true;
        check_paper(play, paper, is_short ? SHORT : LONG);
        if (known->kind == NAME_BROKER)
                model->linked = model_first_broker(model);
}

static void take_authority(struct play *play)
{
        struct model *model = &play->model;
        X509 *authority = read_certificate(play, "", "ca");

        if (!authority || model->authority_count == AUTHORITIES_MAX)
                wrong(play, "ca.crt has no authority");
        else
                model->authorities[model->authority_count++] = authority;
        model->list_number++;
}

/* ---- init, roll, publish, list ----------------------------------------------------------------------------------- */

static bool has_authority(const struct play *play)
{
        return play->model.authority_count > 0;
}

/* What a command that begins a transaction ends with before there is an authority. */
static int status_of(const struct play *play, int status)
{
        return has_authority(play) ? status : 1;
}

static void do_init(struct play *play, const struct move *move)
{
        bool is_first = !has_authority(play);

        (void)move;
        run_only(play, &(struct command){ { "init" }, 1 }, is_first ? 0 : 1);
        if (!is_first || play->why[0])
                return;
        take_authority(play);
        lists_were_written(play);
        if (play->is_split)
                program_give_to_signer(play->dir);
}

static void do_roll(struct play *play, const struct move *move)
{
        struct model *model = &play->model;
        bool is_new = has_authority(play) && model->predecessor == NONE;

        (void)move;
        run_only(play, &(struct command){ { "roll" }, 1 }, status_of(play, 0));
        if (!is_new || play->why[0])
                return;
        model->predecessor = (int)model->authority_count - 1;
        take_authority(play);
        lists_were_written(play);
        play->tally->rolls++;
}

static void do_publish(struct play *play, const struct move *move)
{
        (void)move;
        run_only(play, &(struct command){ { "publish" }, 1 }, status_of(play, 0));
        if (has_authority(play))
                lists_were_written(play);
}

static bool is_node_in_force(const struct holder *holder)
{
        return model_in_force(holder) && holder->kind == NAME_NODE;
}

/* A row for each name: revoked, not joined yet, or good until a day. */
static void check_row(struct play *play, unsigned holder, const char *list)
{
        const struct holder *known = &play->model.holders[holder];
        char start[32];

        (void)snprintf(start, sizeof(start), "\n%-24s ", known->name);
        const char *row = strstr(list, start);
        if (!row != !known->is_known)
                wrong(play, "list shows %s, or does not: %s", known->name, list);
        if (!row)
                return;
        int newest = model_newest(&play->model, holder);
        bool has_joined = newest != NONE && !play->model.papers[newest].is_revoked;
        const char *wanted = known->is_revoked ? "revoked " : has_joined ? "2" : "not joined yet ";
        if (strncmp(row + strlen(start) + strlen("broker  "), wanted, strlen(wanted)) != 0)
                wrong(play, "list should show '%s': %s", wanted, row);
        if (!is_node_in_force(known))
                return;
        char rights[256];
        (void)snprintf(rights, sizeof(rights), "  its own topics%s%s", known->commands[0] ? ", commands " : "",
                       known->commands);
        const char *at = strstr(row, rights);
        if (!at || at > strchr(row + 1, '\n') || !strchr(" \n", at[strlen(rights)]))
                wrong(play, "list should show '%s': %s", rights, row);
}

static void do_list(struct play *play, const struct move *move)
{
        CLEANUP_FREE char *list = run(play, &(struct command){ { "list" }, 1 }, status_of(play, 0));

        (void)move;
        for (unsigned i = 0; i < HOLDERS && has_authority(play); i++)
                check_row(play, i, list);
}

/* ---- Issuing ----------------------------------------------------------------------------------------------------- */

/* What a name comes to be by a command that issues it or invites it. */
static void become(struct play *play, unsigned holder, const struct holder *wanted)
{
        struct holder *known = &play->model.holders[holder];

        play->tally->again += known->is_revoked;
        known->kind = wanted->kind;
        model_know(&play->model, holder);
        known->rights = wanted->rights;
        (void)strcpy(known->words, wanted->words);
        (void)strcpy(known->commands, wanted->commands);
}

static bool is_free(const struct play *play, unsigned holder, enum name_kind kind)
{
        const struct holder *known = &play->model.holders[holder];
        return !known->is_known || (known->is_revoked && known->kind == kind);
}

static void issue(struct play *play, const struct command *command, unsigned holder, const struct holder *wanted,
                  int status)
{
        struct model *model = &play->model;

        if (status == 0 && !(has_authority(play) && is_free(play, holder, wanted->kind)))
                status = 1;
        run_only(play, command, status);
        if (status != 0 || play->why[0])
                return;
        unsigned authority = model_authority_for(model, wanted->kind, play->now_s);
        become(play, holder, wanted);
        take_issued(play, holder, authority);
        lists_were_written(play);
}

static void add_word(char words[static 128], const char *word)
{
        size_t n = strlen(words);

        if (!model_has_word(words, word))
                (void)snprintf(words + n, 128 - n, "%s%s", n > 0 ? " " : "", word);
}

static const char *const hosts[] = { "192.0.2.7", "fd00::7", "b.example" };

static void do_broker(struct play *play, const struct move *move)
{
        const char *name = play->model.holders[move->holder].name, *host = hosts[move->die[1] % ARRAY_SIZE(hosts)];
        struct holder wanted = { .kind = NAME_BROKER };
        struct command command = { { "broker", name }, 2 };

        add_word(wanted.words, name);
        if (move->die[0] < 40) {
                put(&command, host);
                add_word(wanted.words, host);
        }
        issue(play, &command, move->holder, &wanted, 0);
}

#define ELSEWHERE "mqtts://elsewhere.example:8884"

/* Other nodes that this one is to command, `--commands` before each where it is an option. Returns the status that it leads to. */
static int put_commanded(struct play *play, const struct move *move, const char *option, struct command *command,
                         char commands[static 128])
{
        unsigned others[] = { move->other, move->third };
        int status = 0;

        for (unsigned i = 0; i < 1U + move->die[1] % 2; i++) {
                if (others[i] == move->holder && move->die[2] % 8 != 0)
                        others[i] = (others[i] + 1) % 3;
                const struct holder *other = &play->model.holders[others[i]];
                if (option)
                        put(command, option);
                put(command, other->name);
                add_word(commands, other->name);
                if (other->is_host || others[i] == move->holder)
                        status = 2;
                else if (other->is_known && other->kind != NAME_NODE)
                        status = MAX(status, 1);
        }
        return status;
}

static void do_node(struct play *play, const struct move *move)
{
        const struct holder *holder = &play->model.holders[move->holder];
        struct holder wanted = { .kind = NAME_NODE };
        struct command command = { { "node", holder->name }, 2 };

        if (move->die[0] < 30) {
                put(&command, "--broker");
                put(&command, ELSEWHERE);
                add_word(wanted.words, ELSEWHERE);
        }
        int status = move->die[2] < 30 ? put_commanded(play, move, "--commands", &command, wanted.commands) : 0;
        issue(play, &command, move->holder, &wanted, holder->is_host ? 2 : status);
}

static void show_grants(struct play *play, const struct holder *holder)
{
        char wanted[256];
        int status = holder->is_host ? 2 : is_node_in_force(holder) ? 0 : 1;
        CLEANUP_FREE char *out = run(play, &(struct command){ { "grant", holder->name }, 2 }, status);

        if (status != 0)
                return;
        (void)snprintf(wanted, sizeof(wanted),
                       holder->commands[0] ? "%s may command the devices of: %s\n"
                                           : "%s may command no other node's devices.\n%s",
                       holder->name, holder->commands);
        if (strcmp(out, wanted) != 0)
                wrong(play, "grant should say '%s': %s", wanted, out);
}

static void do_grant(struct play *play, const struct move *move)
{
        struct holder *holder = &play->model.holders[move->holder];
        struct command command = { { "grant", holder->name }, 2 };
        char others[128], *rest = NULL;

        if (move->die[0] < 25) {
                show_grants(play, holder);
                return;
        }
        others[0] = '\0';
        int status = put_commanded(play, move, NULL, &command, others);
        if (status == 0 && !is_node_in_force(holder))
                status = 1;
        run_only(play, &command, holder->is_host ? 2 : status);
        if (holder->is_host || status != 0 || play->why[0])
                return;
        for (char *word = strtok_r(others, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
                add_word(holder->commands, word);
        lists_were_written(play);
        play->tally->granted++;
}

static void do_ungrant(struct play *play, const struct move *move)
{
        struct holder *holder = &play->model.holders[move->holder];
        struct command command = { { "ungrant", holder->name }, 2 };
        char others[128] = "", *rest = NULL, left[128], granted[128];

        (void)strcpy(granted, holder->commands);
        if (granted[0] && move->die[0] < 70) {
                granted[strcspn(granted, " ")] = '\0';
                put(&command, granted);
                add_word(others, granted);
        }
        int status = command.count > 2 && move->die[1] < 60 ? 0 : put_commanded(play, move, NULL, &command, others);
        if (holder->is_host)
                status = 2;
        if (status < 2)
                status = !is_node_in_force(holder);

        (void)strcpy(left, holder->commands);
        for (char *word = strtok_r(others, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
                if (status == 0 && !model_has_word(left, word))
                        status = 1;
                model_remove_word(left, word);
        }
        run_only(play, &command, status);
        if (status != 0 || play->why[0])
                return;
        (void)strcpy(holder->commands, left);
        lists_were_written(play);
        play->tally->taken_back++;
}

/* `--node` of names that may be others' than a node's. Returns the status that it leads to. */
static int put_limits(struct play *play, const struct move *move, struct command *command, struct holder *wanted)
{
        const unsigned limits[] = { move->other, move->third };
        unsigned count = move->die[1] < 50 ? 0 : move->die[1] < 85 ? 1 : 2;
        int status = 0;

        for (unsigned i = 0; i < count; i++) {
                const struct holder *limit = &play->model.holders[limits[i]];
                put(command, "--node");
                put(command, limit->name);
                add_word(wanted->words, limit->name);
                if (limit->is_host)
                        status = 2;
                else if (limit->is_known && limit->kind != NAME_NODE)
                        status = MAX(status, 1);
        }
        return status;
}

static void do_client(struct play *play, const struct move *move)
{
        const struct holder *holder = &play->model.holders[move->holder];
        struct holder wanted = { .kind = NAME_CLIENT, .rights = RIGHTS_ALL };
        struct command command = { { "client", holder->name }, 2 };
        int status = put_limits(play, move, &command, &wanted);

        if (move->die[0] < 30) {
                put(&command, "--read-only");
                wanted.rights = RIGHTS_READ_ONLY;
        } else if (move->die[0] < 50) {
                put(&command, "--home-assistant");
                wanted.rights = RIGHTS_HOME_ASSISTANT;
        }
        issue(play, &command, move->holder, &wanted, holder->is_host ? 2 : status);
}

static void do_renew(struct play *play, const struct move *move)
{
        struct model *model = &play->model;
        struct holder *holder = &model->holders[move->holder];
        const char *host = move->die[0] < 25 ? hosts[move->die[1] % ARRAY_SIZE(hosts)] : NULL;
        struct command command = { { "renew", holder->name, host }, 2U + !!host };
        int status = !model_in_force(holder) ? 1 : host && holder->kind != NAME_BROKER ? 2 : 0;

        run_only(play, &command, status);
        is_in_place(play);
        if (status != 0 || play->why[0])
                return;
        if (host)
                add_word(holder->words, host);
        take_issued(play, move->holder, model_authority_for(model, holder->kind, play->now_s));
        lists_were_written(play);
}

static void do_revoke(struct play *play, const struct move *move)
{
        struct model *model = &play->model;
        const struct holder *holder = &model->holders[move->holder];

        run_only(play, &(struct command){ { "revoke", holder->name }, 2 }, holder->is_known ? 0 : 1);
        if (!holder->is_known || play->why[0])
                return;
        model_revoke(model, move->holder);
        lists_were_written(play);
        play->tally->revoked++;
}

/* Words that no DIR makes right. */
static void do_misuse(struct play *play, const struct move *move)
{
        static const struct command wrong_ones[] = {
                { { "init", "x" }, 2 },
                { { "broker" }, 1 },
                { { "broker", "*.lan" }, 2 },
                { { "node", "Hall" }, 2 },
                { { "node", "reply" }, 2 },
                { { "node", "hall.2" }, 2 },
                { { "client", "me", "--read-only", "--home-assistant" }, 4 },
                { { "client", "me", "--node" }, 3 },
                { { "invite", "hall", "--read-only" }, 3 },
                { { "invite", "hall", "--expires", "31d" }, 4 },
                { { "invite", "hall", "--expires", "0m" }, 4 },
                { { "renew" }, 1 },
                { { "revoke", "hall", "attic" }, 3 },
                { { "grant" }, 1 },
                { { "grant", "hall", "hall" }, 3 },
                { { "grant", "hall", "+" }, 3 },
                { { "grant", "hall", "attic/node" }, 3 },
                { { "grant", "hall", "--commands", "attic" }, 4 },
                { { "ungrant", "hall" }, 2 },
                { { "node", "hall", "--commands" }, 3 },
                { { "node", "hall", "--commands", "reply" }, 4 },
                { { "invite", "me", "--client", "--commands", "hall" }, 5 },
                { { "revoke", "../hall" }, 2 },
                { { "roll", "back" }, 2 },
                { { "anything" }, 1 },
        };

        run_only(play, &wrong_ones[move->die[0] % ARRAY_SIZE(wrong_ones)], 2);
}

/* ---- Invitations ------------------------------------------------------------------------------------------------- */

static const struct {
        const char *text;
        int64_t seconds;
} expiries[] = { { NULL, 3600 }, { "30m", 1800 }, { "2d", 2 * DAY }, { "30d", 30 * DAY } };

/* A time of an invitation as the registry has it, since its clock was looked at in between; it has to be one from then on. */
static int64_t time_in_registry(struct play *play, const char *sql, const char *identity, int64_t later_s)
{
        sqlite3 *registry = NULL;
        sqlite3_stmt *row = NULL;
        int64_t time_s = 0;
        char path[512];

        (void)snprintf(path, sizeof(path), "%s/private/registry.db", play->dir);
        if (sqlite3_open_v2(path, &registry, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
            sqlite3_prepare_v2(registry, sql, -1, &row, NULL) == SQLITE_OK) {
                (void)sqlite3_bind_text(row, 1, identity, -1, SQLITE_STATIC);
                if (sqlite3_step(row) == SQLITE_ROW)
                        time_s = sqlite3_column_int64(row, 0);
        }
        (void)sqlite3_finalize(row);
        (void)sqlite3_close(registry);
        if (!is_about(time_s, play->now_s + later_s, wall_s() + later_s))
                wrong(play, "the invitation has another time");
        return time_s;
}

static void take_ticket(struct play *play, unsigned holder, char *line, int64_t life_s)
{
        struct model *model = &play->model;
        struct ticket ticket = { .holder = holder };
        struct code code;

        line[strcspn(line, "\n")] = '\0';
        if (model->ticket_count == TICKETS_MAX || code_parse(line, &code, NULL) < 0 ||
            code_derive(code.secret, &ticket.keys, NULL) < 0) {
                wrong(play, "'%s' is no code", line);
                return;
        }
        if (strcmp(code.name, model->holders[holder].name) != 0)
                wrong(play, "the code is for %s", code.name);
        ticket.expires_s = time_in_registry(play, "SELECT expires_at FROM invitations WHERE identity = ?1",
                                            ticket.keys.identity, life_s);
        for (unsigned i = 0; i < model->ticket_count; i++)
                model->tickets[i].is_gone |= model->tickets[i].holder == holder;
        model->tickets[model->ticket_count++] = ticket;
}

static void do_invite(struct play *play, const struct move *move)
{
        struct model *model = &play->model;
        const struct holder *holder = &model->holders[move->holder];
        bool is_client = move->other % 2 == 0 ? holder->kind == NAME_CLIENT : move->die[0] < 50,
             has_url = move->die[2] < 15;
        struct holder wanted = { .kind = is_client ? NAME_CLIENT : NAME_NODE,
                                 .rights = is_client ? RIGHTS_ALL : RIGHTS_NONE };
        struct command command = { { "invite", holder->name }, 2 };
        size_t expiry = move->die[2] % ARRAY_SIZE(expiries);
        int status = 0;
        bool has_rights = false;

        if (is_client) {
                put(&command, "--client");
                status = put_limits(play, move, &command, &wanted);
                has_rights = wanted.words[0];
                if (move->die[0] % 4 == 0) {
                        put(&command, "--read-only");
                        wanted.rights = RIGHTS_READ_ONLY;
                        has_rights = true;
                }
        }
        if (!is_client && move->die[1] < 20) {
                status = put_commanded(play, move, "--commands", &command, wanted.commands);
                has_rights = true;
        }
        if (expiries[expiry].text) {
                put(&command, "--expires");
                put(&command, expiries[expiry].text);
        }
        if (has_url) {
                put(&command, "--broker");
                put(&command, ELSEWHERE);
        }
        if (has_url && !is_client)
                add_word(wanted.words, ELSEWHERE);
        bool is_there = model_in_force(holder);
        if (status < 2 && is_there && !(has_url && !is_client))
                (void)strcpy(wanted.words, holder->words);
        if (is_there) {
                wanted.rights = holder->rights;
                (void)strcpy(wanted.commands, holder->commands);
        }
        if (status == 0 &&
            (!has_authority(play) || (holder->is_known && holder->kind != wanted.kind) || (is_there && has_rights)))
                status = 1;
        /* Where the joiner finds the broker has to be known. */
        if (status == 0 && !has_url && model_first_broker(model) == NONE &&
            !(wanted.kind == NAME_NODE && wanted.words[0]))
                status = 1;
        CLEANUP_FREE char *out = run(play, &command, holder->is_host ? 2 : status);
        if (holder->is_host || status != 0 || play->why[0])
                return;
        become(play, move->holder, &wanted);
        take_ticket(play, move->holder, out, expiries[expiry].seconds);
        lists_were_written(play);
}

/* ---- Requests ---------------------------------------------------------------------------------------------------- */

/* The later one of many; none where there are none. */
static unsigned pick(unsigned die, unsigned count)
{
        return die < 50 ? count - 1 : count - 1 - die % count;
}

/* What comes back, which the caller frees; NULL: no answer. */
static char *ask(struct play *play, const char *identity, const char *payload)
{
        struct ran ran;

        program_ask(play->dir, identity, payload, &ran);
        if (ran.status != 0)
                wrong(play, "the signer ended with %d", ran.status);
        (void)fprintf(play->trace, "%s\n", ran.err);
        char *answer = ran.out[0] ? TAKE_PTR(ran.out) : NULL;
        ran_done(&ran);
        return answer;
}

static void expect_silence(struct play *play, const char *identity, const char *payload)
{
        CLEANUP_FREE char *answer = ask(play, identity, payload);

        if (answer)
                wrong(play, "there is an answer where there should be none: %s", answer);
        play->tally->unanswered++;
}

/* An answer, as who has asked reads it; it has the name's certificate. */
static void take_answer(struct play *play, unsigned holder, const struct answer *answer, EVP_PKEY *key)
{
        const struct holder *known = &play->model.holders[holder];

        if (strcmp(answer->name, known->name) != 0 || strcmp(answer->kind, name_kind_word(known->kind)) != 0)
                wrong(play, "the answer is for the %s %s", answer->kind, answer->name);
        if (EVP_PKEY_eq(X509_get0_pubkey(answer->certificate), key) != 1)
                wrong(play, "the answer's certificate is for another key");
}

/* New, for this key. NULL: it was not what it should be. */
static struct paper *take_signed(struct play *play, unsigned holder, const struct answer *answer, EVP_PKEY *key)
{
        struct model *model = &play->model;

        (void)X509_up_ref(answer->certificate);
        (void)EVP_PKEY_up_ref(key);
        struct paper *paper = add_paper(play, holder, model_authority_for(model, model->holders[holder].kind, 0),
                                        answer->certificate, key);
        if (paper)
                check_paper(play, paper, SHORT);
        model->is_pending |= play->is_split;
        model->has_asked |= play->is_split;
        return paper;
}

/* ---- Joining ----------------------------------------------------------------------------------------------------- */

static void join_body(EVP_PKEY *key, const char *kind, const unsigned char *mac, char **ret_body, char **ret_payload)
{
        if (request_body(key, kind, NULL, NULL, 0, ret_body, NULL) < 0 ||
            message_seal(LABEL_JOIN_REQUEST, *ret_body, mac, ret_payload, NULL) < 0)
                abort();
}

static const struct paper *paper_of(const struct model *model, const char *serial)
{
        for (unsigned i = 0; i < model->paper_count; i++)
                if (strcmp(model->papers[i].serial, serial) == 0)
                        return &model->papers[i];
        return NULL;
}

/* With the right secret, and the name's kind or the other. */
static void join(struct play *play, struct ticket *ticket, EVP_PKEY *key, const char *kind)
{
        CLEANUP_FREE char *body = NULL, *payload = NULL, *opened = NULL;
        CLEANUP(answer_done) struct answer read = { 0 };
        const struct holder *holder = &play->model.holders[ticket->holder];
        const struct paper *before = ticket->serial[0] ? paper_of(&play->model, ticket->serial) : NULL;
        bool is_right = strcmp(kind, name_kind_word(holder->kind)) == 0,
             is_again = before && EVP_PKEY_eq(before->key, key) == 1, is_open = model_is_open(ticket, play->now_s);

        join_body(key, kind, ticket->keys.mac, &body, &payload);
        if (ticket->is_gone) {
                expect_silence(play, ticket->keys.identity, payload);
                play->tally->by_revoked++;
                return;
        }
        CLEANUP_FREE char *answer = ask(play, ticket->keys.identity, payload);
        if (!answer ||
            message_open_sealed(LABEL_JOIN_ANSWER, answer, strlen(answer), ticket->keys.mac, &opened, NULL) < 0 ||
            answer_read(opened, body, key, &read, NULL) < 0) {
                wrong(play, "there is no answer that can be read");
                return;
        }
        if (!!read.error != !(is_right && (is_open || is_again)))
                wrong(play, "the code was %s", read.error ? read.error : "taken");
        if (play->why[0])
                return;
        play->tally->turned_away += !!read.error;
        play->tally->killed += read.error && ticket->tries == INVITATION_TRIES;
        play->tally->expired += read.error && ticket->expires_s <= play->now_s;
        if (read.error)
                return;
        take_answer(play, ticket->holder, &read, key);
        if (is_again) {
                if (X509_cmp(read.certificate, before->certificate) != 0)
                        wrong(play, "the answer that was lost came again with another certificate");
                return;
        }
        const struct paper *paper = take_signed(play, ticket->holder, &read, key);
        if (!paper)
                return;
        (void)strcpy(ticket->serial, paper->serial);
        ticket->used_s = time_in_registry(play, "SELECT used_at FROM invitations WHERE identity = ?1",
                                          ticket->keys.identity, 0);
        play->tally->joined++;
}

static void try_wrong_secret(struct play *play, struct ticket *ticket, EVP_PKEY *key)
{
        static const unsigned char mac[CODE_MAC_BYTES] = "none of ours";
        CLEANUP_FREE char *body = NULL, *payload = NULL;

        join_body(key, name_kind_word(play->model.holders[ticket->holder].kind), mac, &body, &payload);
        expect_silence(play, ticket->keys.identity, payload);
        play->model.has_asked |= play->is_split && model_is_open(ticket, play->now_s);
        ticket->tries += model_is_open(ticket, play->now_s);
}

static EVP_PKEY *new_key(void)
{
        EVP_PKEY *key = NULL;

        if (enrol_key_new(NULL, &key, NULL) < 0)
                abort();
        return key;
}

static void do_join(struct play *play, const struct move *move)
{
        struct model *model = &play->model;

        if (model->ticket_count == 0)
                return;
        struct ticket *ticket = &model->tickets[pick(move->die[0], model->ticket_count)];
        const struct paper *before = ticket->serial[0] ? paper_of(model, ticket->serial) : NULL;
        enum name_kind kind = model->holders[ticket->holder].kind;
        unsigned wrong_tries = move->die[1] < 12 ? 1 : move->die[1] < 20 ? INVITATION_TRIES : 0;
        EVP_PKEY *key = before && move->die[2] < 40 ? before->key : new_key();

        (void)fprintf(play->trace, "join %s as %s%s%s: ", model->holders[ticket->holder].name, ticket->keys.identity,
                      wrong_tries ? ", with a wrong secret" : "", before && key == before->key ? ", again" : "");
        for (unsigned i = 0; i < wrong_tries; i++)
                try_wrong_secret(play, ticket, key);
        if (wrong_tries != 1)
                join(play, ticket, key,
                     name_kind_word(move->die[1] < 85   ? kind
                                    : kind == NAME_NODE ? NAME_CLIENT
                                                        : NAME_NODE));
        if (!before || key != before->key)
                EVP_PKEY_free(key);
}

/* ---- Renewal by the signer --------------------------------------------------------------------------------------- */

static void keep(struct play *play, char *body, char *payload, unsigned paper, EVP_PKEY *key)
{
        struct kept *kept = &play->kept[play->kept_count++ % KEPT_MAX];

        free(kept->body);
        free(kept->payload);
        EVP_PKEY_free(kept->key);
        (void)EVP_PKEY_up_ref(key);
        *kept = (struct kept){ strdup(body), strdup(payload), paper, key };
}

/* The certificate that a request like this one has got already. */
static const struct paper *answered_before(const struct model *model, const struct paper *present, EVP_PKEY *key)
{
        for (const struct paper *paper = present + 1; paper < model->papers + model->paper_count; paper++)
                if (paper->holder == present->holder && !paper->is_revoked && EVP_PKEY_eq(paper->key, key) == 1)
                        return paper;
        return NULL;
}

static int read_renewal(const struct play *play, const char *answer, const char *body, EVP_PKEY *key,
                        struct answer *ret)
{
        const struct model *model = &play->model;
        EVP_PKEY *const keys[] = { X509_get0_pubkey(model->authorities[model->authority_count - 1]) };
        CLEANUP_FREE char *opened = NULL;
        int r = message_open_signed(LABEL_RENEW_ANSWER, answer, strlen(answer), keys, ARRAY_SIZE(keys), &opened, NULL);

        return r < 0 ? r : answer_read(opened, body, key, ret, NULL);
}

static void renew(struct play *play, const struct kept *request, const char *identity)
{
        struct model *model = &play->model;
        struct paper *present = &model->papers[request->paper];
        const char *why_not = model_why_not(model, present, play->now_s);
        CLEANUP(answer_done) struct answer read = { 0 };
        char own[IDENTITY_MAX];

        model_identity(model, present->holder, present->generation, own);
        if (strcmp(identity, own) != 0) {
                expect_silence(play, identity, request->payload);
                return;
        }
        const struct paper *before = answered_before(model, present, request->key);
        bool is_too_often = !why_not && !before && model_is_too_often(model, present->holder, play->now_s);
        if (is_too_often)
                why_not = "it has had 10 certificates within a day: no more of them until tomorrow";
        play->tally->too_often += is_too_often;
        CLEANUP_FREE char *answer = ask(play, identity, request->payload);
        if (!answer || read_renewal(play, answer, request->body, request->key, &read) < 0 || !read.error != !why_not ||
            (why_not && strcmp(read.error, why_not) != 0)) {
                wrong(play, "the renewal's answer should be %s, and is %s", why_not ? why_not : "a certificate",
                      read.error  ? read.error
                      : read.name ? "one"
                                  : "none that can be read");
                return;
        }
        play->tally->turned_away += !!why_not;
        play->tally->by_revoked += why_not && present->is_revoked;
        play->tally->expired += why_not && present->until_s <= play->now_s;
        if (why_not)
                return;
        take_answer(play, present->holder, &read, request->key);
        if (before) {
                if (X509_cmp(read.certificate, before->certificate) != 0)
                        wrong(play, "the same request has got another certificate");
                return;
        }
        present->is_proven = true;
        (void)take_signed(play, present->holder, &read, request->key);
        play->tally->renewed++;
}

/* Signed by another key than the certificate's: the name alone is no proof. */
static void renew_unsigned(struct play *play, const struct paper *paper, const char *identity, EVP_PKEY *key)
{
        CLEANUP_FREE char *body = NULL, *payload = NULL;
        EVP_PKEY *const signers[] = { key };

        if (request_body(key, NULL, paper->serial, NULL, 0, &body, NULL) < 0 ||
            message_sign(LABEL_RENEW_REQUEST, body, signers, 1, &payload, NULL) < 0)
                abort();
        expect_silence(play, identity, payload);
}

static void do_renewal(struct play *play, const struct move *move)
{
        struct model *model = &play->model;

        if (model->paper_count == 0)
                return;
        unsigned at = pick(move->die[0], model->paper_count);
        const struct paper *paper = &model->papers[at];
        EVP_PKEY *const signers[] = { paper->key };
        EVP_PKEY *key = move->die[1] < 20 ? paper->key : new_key();
        CLEANUP_FREE char *body = NULL, *payload = NULL;
        char identity[IDENTITY_MAX];

        model_identity(model, move->die[2] < 12 ? move->other : paper->holder, paper->generation, identity);
        (void)fprintf(play->trace,
                      "renewal by %s's certificate %u on the topic of %s%s: ", model->holders[paper->holder].name, at,
                      identity, key == paper->key ? ", for the same key" : "");
        if (request_body(key, NULL, paper->serial, NULL, 0, &body, NULL) < 0 ||
            message_sign(LABEL_RENEW_REQUEST, body, signers, 1, &payload, NULL) < 0)
                abort();
        keep(play, body, payload, at, key);
        if (move->die[2] >= 88 && key != paper->key)
                renew_unsigned(play, paper, identity, key);
        else
                renew(play, &play->kept[(play->kept_count - 1) % KEPT_MAX], identity);
        if (key != paper->key)
                EVP_PKEY_free(key);
}

/* More than a day's worth, each for a key of its own. */
static void do_flood(struct play *play, const struct move *move)
{
        struct move each = { .holder = move->holder, .die = { 0, 99, 50 } };

        for (unsigned i = 0; i < 12 && play->model.paper_count < PAPERS_MAX - MOVES_MAX && !play->why[0]; i++) {
                play->now_s = wall_s(); /* of those before some are younger than the first moment */
                do_renewal(play, &each);
        }
}

/* What somebody has kept, on the topic that it was for. */
static void do_replay(struct play *play, const struct move *move)
{
        struct model *model = &play->model;
        char identity[IDENTITY_MAX];

        if (play->kept_count == 0)
                return;
        const struct kept *kept = &play->kept[pick(move->die[0], MIN(play->kept_count, (unsigned)KEPT_MAX))];
        const struct paper *paper = &model->papers[kept->paper];
        model_identity(model, paper->holder, paper->generation, identity);
        (void)fprintf(play->trace, "a request of %s's once more, for certificate %u: ", identity, kept->paper);
        renew(play, kept, identity);
}

/* ---- Time -------------------------------------------------------------------------------------------------------- */

static void end_roll(struct play *play)
{
        play->model.predecessor = NONE;
        play->model.list_number++;
        play->tally->rolls_ended++;
}

/* What the signer may not write itself root puts in place at once: as the unit sconce-pki-publish does. */
static void do_upkeep(struct play *play, const struct move *move)
{
        struct model *model = &play->model;
        bool is_due[HOLDERS] = { false };
        unsigned authority[HOLDERS] = { 0 }, due = 0;
        struct ran ran;

        program_upkeep(play->dir, &ran);
        (void)fprintf(play->trace, "upkeep: %s\n", ran.err);
        if (ran.status != status_of(play, 0))
                wrong(play, "the upkeep ended with %d: %s", ran.status, ran.err);
        ran_done(&ran);
        if (!has_authority(play) || play->why[0])
                return;
        bool has_ended = model->predecessor != NONE && model_left(model, play->now_s) == 0;
        if (has_ended)
                end_roll(play);
        if (play->is_split)
                do_publish(play, move);
        for (unsigned i = 0; i < HOLDERS; i++)
                due += is_due[i] = model_is_due(model, i, play->now_s);
        for (unsigned i = 0; i < HOLDERS; i++)
                authority[i] = model_authority_for(model, NAME_BROKER, play->now_s);
        for (unsigned order = 0; order < model->known_count; order++)
                for (unsigned i = 0; i < HOLDERS; i++)
                        if (is_due[i] && model->holders[i].order == order)
                                take_issued(play, i, authority[i]);
        play->tally->kept_up += due;
        if (has_ended || due > 0) {
                lists_were_written(play);
                model->has_asked |= play->is_split;
        }
}

/* None of them, and no few of them together, is as long as anything is good for. */
static void do_wait(struct play *play, const struct move *move)
{
        static const int64_t steps[] = { 1200,           3000,           DAY + 600, 37 * DAY + 600,
                                         37 * DAY + 600, 91 * DAY + 600, 301 * DAY };
        int64_t step = steps[move->die[0] % ARRAY_SIZE(steps)];

        if (play->now_s + step - play->begun_s > AGE_MAX)
                return;
        (void)fprintf(play->trace, "%lld minutes later\n", (long long)step / 60);
        clock_go(step);
}

/* ---- All of them ------------------------------------------------------------------------------------------------- */

static const struct {
        unsigned weight;
        void (*play)(struct play *play, const struct move *move);
        unsigned first, count; /* the names that it is mostly about */
} table[] = {
        { 1, do_init, 0, HOLDERS },     { 4, do_broker, 6, 2 },        { 9, do_node, 0, 3 },
        { 10, do_client, 3, 3 },        { 18, do_invite, 0, 6 },       { 22, do_join, 0, HOLDERS },
        { 16, do_renewal, 0, HOLDERS }, { 5, do_replay, 0, HOLDERS },  { 1, do_flood, 0, HOLDERS },
        { 8, do_renew, 0, HOLDERS },    { 12, do_revoke, 0, 8 },       { 4, do_roll, 0, HOLDERS },
        { 9, do_upkeep, 0, HOLDERS },   { 3, do_publish, 0, HOLDERS }, { 3, do_list, 0, HOLDERS },
        { 3, do_misuse, 0, HOLDERS },   { 10, do_wait, 0, HOLDERS },   { 16, do_grant, 0, 3 },
        { 8, do_ungrant, 0, 3 },
};

static unsigned draw_what(struct dice *dice)
{
        unsigned sum = 0, what = 0;

        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                sum += table[i].weight;
        unsigned at = (unsigned)dice_below(dice, sum);
        while (at >= table[what].weight)
                at -= table[what++].weight;
        return what;
}

static unsigned what_is(void (*play)(struct play *play, const struct move *move))
{
        unsigned what = 0;

        while (table[what].play != play)
                what++;
        return what;
}

void moves_draw(struct dice *dice, struct moves *ret)
{
        ret->is_split = dice_chance(dice, 50);
        ret->count = 20 + (unsigned)dice_below(dice, MOVES_MAX - 20 + 1);
        for (unsigned i = 0; i < ret->count; i++) {
                struct move *move = &ret->rows[i];
                move->what = draw_what(dice);
                unsigned first = table[move->what].first, count = table[move->what].count;
                move->holder = dice_chance(dice, 88) ? first + (unsigned)dice_below(dice, count)
                                                     : (unsigned)dice_below(dice, HOLDERS);
                move->other = dice_chance(dice, 80) ? (unsigned)dice_below(dice, 3)
                                                    : (unsigned)dice_below(dice, HOLDERS);
                move->third = (unsigned)dice_below(dice, 4);
                for (size_t j = 0; j < ARRAY_SIZE(move->die); j++)
                        move->die[j] = (unsigned)dice_below(dice, 100);
        }
        /* Most have an authority and a broker from the beginning on. */
        unsigned at = dice_chance(dice, 80) ? 0 : (unsigned)dice_below(dice, 5);
        ret->rows[at] = (struct move){ .what = what_is(do_init) };
        if (dice_chance(dice, 85))
                ret->rows[at + 1] = (struct move){ .what = what_is(do_broker), .holder = 6 };
}

/* Only where the lists were just written are they as of now. */
static void check_state(struct play *play)
{
        static struct pki_state state;

        if (!play->lists_are_fresh || play->why[0])
                return;
        pki_state_read(play->dir, &state);
        if (state.wrong[0])
                wrong(play, "%s", state.wrong);
}

static void play_done(struct play *play)
{
        for (unsigned i = 0; i < KEPT_MAX; i++) {
                free(play->kept[i].body);
                free(play->kept[i].payload);
                EVP_PKEY_free(play->kept[i].key);
        }
        model_done(&play->model);
}

bool moves_play(const struct moves *moves, const char *dir, struct tally *tally, char why[static WHY_MAX], char **trace)
{
        static struct play play;
        size_t size = 0;

        clock_go(0);
        play = (struct play){ .dir = dir,
                              .tally = tally,
                              .why = why,
                              .begun_s = wall_s(),
                              .is_split = moves->is_split && geteuid() == 0 };
        play.trace = open_memstream(trace, &size);
        if (!play.trace)
                abort();
        why[0] = '\0';
        model_init(&play.model);
        for (unsigned i = 0; i < moves->count && !why[0]; i++) {
                play.now_s = wall_s();
                play.lists_are_fresh = false;
                table[moves->rows[i].what].play(&play, &moves->rows[i]);
                if (!why[0])
                        check_all(&play.model, dir, wall_s(), why);
                check_state(&play);
                tally->moves++;
        }
        (void)fclose(play.trace);
        play_done(&play);
        return !why[0];
}
