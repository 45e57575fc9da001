/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sconce-pki install NAME.tar: on the Pi. What is checked is what is used, whatever happens to the file meanwhile: it is
 * read once, into memory, and what goes into place is what OpenSSL understood, written again. Whatever fails leaves all as
 * it was: only the renames at the end take things into use, and need no room.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "authority.h"
#include "command.h"
#include "host.h"
#include "say.h"
#include "tar.h"
#include "util/file.h"
#include "util/identity.h"

#define TAR_MAX (1U << 20)
#define UNIT    "sconced.service"
#define AGAIN   "make the tar again with 'sconce-pki renew NAME'; nothing was installed"
#define PLACES  5

DEFINE_CLEANUP(X509_STORE, X509_STORE_free);
DEFINE_CLEANUP(X509_STORE_CTX, X509_STORE_CTX_free);
DEFINE_CLEANUP(BIO, BIO_free_all);

enum { MEMBER_CA, MEMBER_CRL, MEMBER_CERT, MEMBER_KEY, MEMBER_URL, MEMBERS };

struct package {
        const char *path;
        struct file file;
        struct tar_member members[MEMBERS];
        X509 *ca, *certificate;
        X509_CRL *crl;
        EVP_PKEY *key;
        char name[NAME_MAX_BYTES];
        char url[BROKER_URL_MAX];
};

static void package_done(struct package *package)
{
        X509_free(package->ca);
        X509_free(package->certificate);
        X509_CRL_free(package->crl);
        EVP_PKEY_free(package->key);
        if (package->file.data)
                OPENSSL_cleanse(package->file.data, package->file.size);
        file_done(&package->file);
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static int read_tar(struct package *package, struct fault *fault)
{
        static const struct tar_member wanted[MEMBERS] = {
                [MEMBER_CA] = { .name = "ca.crt" },      [MEMBER_CRL] = { .name = "crl.pem" },
                [MEMBER_CERT] = { .name = "node.crt" },  [MEMBER_KEY] = { .name = "node.key" },
                [MEMBER_URL] = { .name = "broker.url" },
        };
        int r = file_read(package->path, TAR_MAX, &package->file, NULL);

        if (r == -EFBIG)
                return fault_set(fault, r, "%s: is over 1 MiB; a node's tar has a few kilobytes", package->path);
        if (r < 0)
                return fault_set(
                        fault, r,
                        "%s: is not a file that can be read; 'sconce-pki node NAME' makes it as issued/NAME.tar",
                        package->path);
        memcpy(package->members, wanted, sizeof(wanted));
        r = tar_read(package->file.data, package->file.size, package->members, MEMBERS, NULL);
        if (r == -ENOTSUP)
                return fault_set(fault, r, "%s: holds something that is not a plain file; nothing was installed",
                                 package->path);
        if (r < 0)
                return fault_set(
                        fault, -EINVAL,
                        "%s: is not a node's tar: it must hold broker.url, ca.crt, crl.pem, node.crt and node.key, and "
                        "nothing else; nothing was installed",
                        package->path);
        return 0;
}

static BIO *open_member(const struct package *package, int member)
{
        return BIO_new_mem_buf(package->members[member].data, (int)package->members[member].size);
}

static int no_password(char *buffer, int size, int is_writing, void *userdata)
{
        (void)buffer;
        (void)size;
        (void)is_writing;
        (void)userdata;
        return -1;
}

static int damaged(const struct package *package, int member, struct fault *fault)
{
        ERR_clear_error();
        return fault_set(fault, -EINVAL, "%s: %s is damaged; " AGAIN, package->path, package->members[member].name);
}

static int read_members(struct package *package, struct fault *fault)
{
        CLEANUP(BIO_free_allp) BIO *ca = open_member(package, MEMBER_CA);
        CLEANUP(BIO_free_allp) BIO *certificate = open_member(package, MEMBER_CERT);
        CLEANUP(BIO_free_allp) BIO *crl = open_member(package, MEMBER_CRL);
        CLEANUP(BIO_free_allp) BIO *key = open_member(package, MEMBER_KEY);

        if (!ca || !(package->ca = PEM_read_bio_X509(ca, NULL, NULL, NULL)))
                return damaged(package, MEMBER_CA, fault);
        if (!certificate || !(package->certificate = PEM_read_bio_X509(certificate, NULL, NULL, NULL)))
                return damaged(package, MEMBER_CERT, fault);
        if (!crl || !(package->crl = PEM_read_bio_X509_CRL(crl, NULL, NULL, NULL)))
                return damaged(package, MEMBER_CRL, fault);
        if (!key || !(package->key = PEM_read_bio_PrivateKey(key, NULL, no_password, NULL)))
                return damaged(package, MEMBER_KEY, fault);
        return 0;
}

/* ---- Checking ---------------------------------------------------------------------------------------------------- */

/* A Pi's clock may be years slow before it has met the network: of the dates only the end is looked at. */
static bool is_let_pass(const struct package *package)
{
        CLEANUP(X509_STORE_freep) X509_STORE *store = X509_STORE_new();
        CLEANUP(X509_STORE_CTX_freep) X509_STORE_CTX *context = X509_STORE_CTX_new();

        bool passes = store && context && X509_STORE_add_cert(store, package->ca) == 1 &&
                      X509_STORE_add_crl(store, package->crl) == 1 &&
                      X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_NO_CHECK_TIME) == 1 &&
                      X509_STORE_CTX_init(context, store, package->certificate, NULL) == 1 &&
                      X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_CLIENT) == 1 &&
                      X509_verify_cert(context) == 1;
        ERR_clear_error();
        return passes;
}

static int check_name(struct package *package, struct fault *fault)
{
        char identity[IDENTITY_MAX] = "", named[IDENTITY_NAME_MAX];
        int n = X509_NAME_get_text_by_NID(X509_get_subject_name(package->certificate), NID_commonName, identity,
                                          sizeof(identity));
        const char *name = identity_name(identity, named);

        if (n > 0 && (size_t)n == strlen(identity) && name_is_one(name) && !name_is_reserved(name)) {
                (void)strcpy(package->name, name);
                return 0;
        }
        return fault_set(fault, -EINVAL, "%s: the certificate's name '%s' is not a node's; " AGAIN, package->path,
                         identity);
}

static int check_url(struct package *package, struct fault *fault)
{
        const struct tar_member *member = &package->members[MEMBER_URL];
        size_t length = member->size > 0 && ((const char *)member->data)[member->size - 1] == '\n' ? member->size - 1
                                                                                                   : member->size;

        if (length < sizeof(package->url) && !memchr(member->data, '\0', length)) {
                memcpy(package->url, member->data, length);
                package->url[length] = '\0';
                if (!length || broker_url_is_one(package->url))
                        return 0;
        }
        return fault_set(fault, -EINVAL, "%s: broker.url does not hold mqtts://HOST[:PORT]; " AGAIN, package->path);
}

static int check(struct package *package, struct fault *fault)
{
        char today[16];
        time_t now = time(NULL);
        struct tm tm;

        if (X509_check_private_key(package->certificate, package->key) != 1) {
                ERR_clear_error();
                return fault_set(fault, -EKEYREJECTED, "%s: node.key is not the key of node.crt; " AGAIN,
                                 package->path);
        }
        if (!is_let_pass(package))
                return fault_set(fault, -EKEYREJECTED,
                                 "%s: node.crt is not a node's certificate that its ca.crt issued and its crl.pem lets "
                                 "pass; " AGAIN,
                                 package->path);
        if (time_of(X509_get0_notAfter(package->certificate)) <= (int64_t)now) {
                (void)strftime(today, sizeof(today), "%F", localtime_r(&now, &tm));
                return fault_set(fault, -EKEYEXPIRED,
                                 "%s: the certificate has expired (if the date here, %s, is right); " AGAIN,
                                 package->path, today);
        }
        int r = check_name(package, fault);
        return r < 0 ? r : check_url(package, fault);
}

/* ---- Placing ----------------------------------------------------------------------------------------------------- */

struct placing {
        char etc[PATH_MAX - 64];   /* SCONCE_ROOT/etc/sconce */
        const struct group *group; /* sconce; NULL: there is none yet */
        char *beside[PLACES], *final[PLACES];
        size_t count;
};

static void drop(struct placing *placing)
{
        for (size_t i = 0; i < placing->count; i++) {
                if (placing->beside[i])
                        (void)unlink(placing->beside[i]);
                free(placing->beside[i]);
                free(placing->final[i]);
        }
        placing->count = 0;
}

static int full(const char *path, struct fault *fault)
{
        return fault_set(fault, -EIO, "%s: cannot be written: is the disk full? Nothing was installed", path);
}

static int write_beside(const struct placing *placing, const char *path, const struct bytes *bytes, mode_t mode)
{
        CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        size_t at = 0;

        while (fd >= 0 && at < bytes->size) {
                ssize_t n = write(fd, bytes->data + at, bytes->size - at);
                if (n < 0 && errno != EINTR)
                        return -errno;
                at += n > 0 ? (size_t)n : 0;
        }
        if (fd < 0 || (placing->group && geteuid() == 0 && fchown(fd, 0, placing->group->gr_gid) < 0) ||
            fchmod(fd, mode) < 0 || fsync(fd) < 0)
                return -errno;
        return 0;
}

/* `at` is below etc. */
static int prepare(struct placing *placing, const char *at, const struct bytes *bytes, mode_t mode, struct fault *fault)
{
        const char *slash = strrchr(at, '/');
        int directory = slash ? (int)(slash - at + 1) : 0;
        char **beside = &placing->beside[placing->count], ** final = &placing->final[placing->count];

        placing->count++;
        if (asprintf(final, "%s/%s", placing->etc, at) < 0 ||
            asprintf(beside, "%s/%.*s.new.%s", placing->etc, directory, at, at + directory) < 0)
                return fault_set(fault, -ENOMEM, "out of memory");
        (void)unlink(*beside);
        if (write_beside(placing, *beside, bytes, mode) < 0)
                return full(*final, fault);
        struct file there;
        if (file_read(*beside, TAR_MAX, &there, NULL) < 0)
                return full(*final, fault);
        bool is_same = there.size == bytes->size && memcmp(there.data, bytes->data, there.size) == 0;
        file_done(&there);
        return is_same ? 0 : full(*final, fault);
}

static int put_in_place(struct placing *placing, struct fault *fault)
{
        for (size_t i = 0; i < placing->count; i++)
                if (rename(placing->beside[i], placing->final[i]) < 0)
                        return fault_set(fault, -errno, "%s: %s: run this again", placing->final[i], strerror(errno));
        return 0;
}

static int make_directories(const char *etc, const char *below, struct fault *fault)
{
        char path[PATH_MAX];
        mode_t before = umask(022);
        int n = snprintf(path, sizeof(path), "%s/%s", etc, below), r = 0;

        for (char *slash = strchr(path + 1, '/'); n > 0 && slash && r == 0; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                r = mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
                *slash = '/';
        }
        if (r == 0 && mkdir(path, 0755) < 0 && errno != EEXIST)
                r = -errno;
        (void)umask(before);
        return r < 0 ? fault_set(fault, r, "%s: cannot be created; nothing was installed", path) : 0;
}

static int place_certificates(struct placing *placing, const struct package *package, struct fault *fault)
{
        CLEANUP(bytes_done) struct bytes ca = { 0 }, certificate = { 0 }, key = { 0 };
        CLEANUP(BIO_free_allp) BIO *crl = BIO_new(BIO_s_mem());
        char *crl_data = NULL;
        int r = certificate_to_pem(package->ca, &ca, fault);

        if (r == 0)
                r = certificate_to_pem(package->certificate, &certificate, fault);
        if (r == 0)
                r = key_to_pem(package->key, &key, fault);
        if (r == 0 && (!crl || PEM_write_bio_X509_CRL(crl, package->crl) != 1))
                r = fault_set(fault, -ENOMEM, "out of memory");
        if (r < 0)
                return r;
        const size_t crl_size = (size_t)BIO_get_mem_data(crl, &crl_data);
        const struct bytes crl_pem = { (unsigned char *)crl_data, crl_size };
        r = prepare(placing, "certs/ca.crt", &ca, 0644, fault);
        if (r == 0)
                r = prepare(placing, "certs/crl.pem", &crl_pem, 0644, fault);
        if (r == 0)
                r = prepare(placing, "certs/node.crt", &certificate, 0644, fault);
        return r < 0 ? r : prepare(placing, "certs/node.key", &key, placing->group ? 0640 : 0600, fault);
}

/* ---- The configuration ------------------------------------------------------------------------------------------- */

struct configuration {
        bool is_kept, is_named, names_this; /* sconce.conf is there; some file names a broker; this one */
        const char *target;                 /* below etc */
};

/* A line `url = …`. */
static bool names_broker(const char *text)
{
        for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
                const char *at = line + strspn(line, " \t");
                if (strncmp(at, "url", 3) == 0 && at[3 + strspn(at + 3, " \t")] == '=')
                        return true;
        }
        return false;
}

static void look_into(const char *path, const char *url, struct configuration *configuration)
{
        struct file file;

        if (file_read(path, TAR_MAX, &file, NULL) < 0)
                return;
        configuration->is_named |= names_broker(file.data);
        configuration->names_this |= strstr(file.data, url) != NULL;
        file_done(&file);
}

static struct configuration look_at_configuration(const struct placing *placing, const char *url)
{
        struct configuration configuration = { .target = "sconce.conf" };
        char path[PATH_MAX];
        glob_t found = { 0 };

        (void)snprintf(path, sizeof(path), "%s/sconce.conf", placing->etc);
        if (access(path, F_OK) == 0) {
                configuration.is_kept = true;
                configuration.target = "conf.d/broker.conf";
        }
        look_into(path, url, &configuration);
        (void)snprintf(path, sizeof(path), "%s/conf.d/*.conf", placing->etc);
        if (glob(path, 0, NULL, &found) == 0) {
                for (size_t i = 0; i < found.gl_pathc; i++)
                        look_into(found.gl_pathv[i], url, &configuration);
                globfree(&found);
        }
        return configuration;
}

/* The package's own sconce.conf names no broker: it stays as it is, so that upgrades find it unchanged, and the broker comes
 * beside it. */
static int place_configuration(struct placing *placing, const struct package *package,
                               const struct configuration *configuration, struct fault *fault)
{
        CLEANUP_FREE char *text = NULL;

        if (configuration->is_named || !package->url[0])
                return 0;
        if (asprintf(&text,
                     "# Node %s; sconce.conf(5) explains every key. Devices come below, or in conf.d/*.conf.\n\n"
                     "[broker]\nurl = %s\n\n"
                     "[tls]\n"
                     "ca   = /etc/sconce/certs/ca.crt\n"
                     "cert = /etc/sconce/certs/node.crt\n"
                     "key  = /etc/sconce/certs/node.key\n"
                     "crl  = /etc/sconce/certs/crl.pem\n",
                     package->name, package->url) < 0)
                return fault_set(fault, -ENOMEM, "out of memory");
        int r = configuration->is_kept ? make_directories(placing->etc, "conf.d", fault) : 0;
        const struct bytes bytes = { (unsigned char *)text, strlen(text) };
        return r < 0 ? r : prepare(placing, configuration->target, &bytes, 0644, fault);
}

static void report(const struct placing *placing, const struct package *package,
                   const struct configuration *configuration)
{
        say("Installed node %s's certificate and key in %s/certs.", package->name, placing->etc);
        if (!placing->group)
                say("The user sconce does not exist yet, so only root can read node.key: install the package sconce, "
                    "then run "
                    "this again.");
        if (configuration->is_kept)
                say("Kept %s/sconce.conf as it is.", placing->etc);
        if (configuration->is_named && package->url[0] && !configuration->names_this)
                say("Note that it does not name the broker %s.", package->url);
        if (!configuration->is_named && !package->url[0])
                say("Wrote no %s/%s, as the tar names no broker: write one, with 'url = …' under [broker].",
                    placing->etc, configuration->target);
        if (!configuration->is_named && package->url[0])
                say("Wrote %s/%s for the broker %s.", placing->etc, configuration->target, package->url);
}

/* ---- The service ------------------------------------------------------------------------------------------------- */

static bool run(const char *const argv[])
{
        extern char **environ;
        posix_spawn_file_actions_t actions;
        pid_t pid;
        int status = -1;

        (void)fflush(stdout);
        if (posix_spawn_file_actions_init(&actions) != 0)
                return false;
        (void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        int r = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
        while (r == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        return r == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int start_service(const struct placing *placing, const char *root, struct fault *fault)
{
        static const char *const cat[] = { "systemctl", "cat", UNIT, NULL }, *const restart[] = { "systemctl",
                                                                                                  "restart", UNIT,
                                                                                                  NULL };
        char path[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/run/systemd/system", root);
        bool has_systemd = access(path, F_OK) == 0;
        (void)snprintf(path, sizeof(path), "%s/sconce.conf", placing->etc);
        if (!has_systemd)
                say("systemd does not run here: start sconced by hand.");
        else if (!run(cat))
                say("The service " UNIT " does not exist yet: install the package sconce, then run this again.");
        else if (!placing->group || access(path, F_OK) < 0)
                say("The service was not started: see above.");
        else if (run(restart))
                say("Started " UNIT ".");
        else
                return fault_set(fault, -EIO, UNIT " did not start: 'journalctl -u sconced -n 20' shows why");
        return 0;
}

static int install(struct package *package, const char *root, struct fault *fault)
{
        struct placing placing = { .group = getgrnam("sconce") };
        int r = read_tar(package, fault);

        if (r == 0)
                r = read_members(package, fault);
        if (r == 0)
                r = check(package, fault);
        if (r < 0)
                return r;
        (void)snprintf(placing.etc, sizeof(placing.etc), "%s/etc/sconce", root);
        r = make_directories(placing.etc, "certs", fault);
        const struct configuration configuration = look_at_configuration(&placing, package->url);
        if (r == 0)
                r = place_certificates(&placing, package, fault);
        if (r == 0)
                r = place_configuration(&placing, package, &configuration, fault);
        if (r == 0)
                r = put_in_place(&placing, fault);
        drop(&placing);
        if (r < 0)
                return r;
        report(&placing, package, &configuration);
        return start_service(&placing, root, fault);
}

int command_install(const struct command_line *line)
{
        const char *root = getenv("SCONCE_ROOT");
        struct fault fault = { 0 };

        if (line->count != 1)
                return misused("install takes one file, as in 'install hall.tar'");
        if ((!root || !*root) && geteuid() != 0) {
                (void)fault_set(&fault, -EPERM,
                                "install writes to /etc/sconce: run it as root (sudo sconce-pki install %s)",
                                line->words[0]);
                return failed(&fault);
        }
        CLEANUP(package_done) struct package package = { .path = line->words[0] };
        return install(&package, root ? root : "", &fault) < 0 ? failed(&fault) : EXIT_DONE;
}
