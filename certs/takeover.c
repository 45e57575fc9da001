/* SPDX-License-Identifier: Apache-2.0 */
#include "takeover.h"

#include <ctype.h>
#include <errno.h>
#include <ftw.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "authority.h"
#include "directory.h"
#include "registry.h"
#include "util/file.h"

#define INDEX_FILE   "private/index.txt"
#define NAMES_FILE   "private/names"
#define COMMITTED    "private/commit"
#define NUMBER_FILE  "private/crlnumber"
#define MADE         REGISTRY_FILE ".new"
#define FILE_MAX     (16U << 20)
#define INDEX_FIELDS 6
#define TAKEN        ".taken-over"
#define NOT_TAKEN    ": the registry of an older version was not taken over"

struct taking {
        struct registry *registry;
        struct fault *fault;
};

static int inconsistent(const struct taking *taking, const char *file, unsigned line, const char *what)
{
        return fault_set(taking->fault, -EBADMSG, "%s: line %u: %s" NOT_TAKEN, file, line, what);
}

/* Books that lie where the signer's user may write are none: they were taken over before that user was there. */
static bool is_private_ours(void)
{
        struct stat status;

        return stat("private", &status) == 0 && status.st_uid == geteuid();
}

bool takeover_is_due(void)
{
        return is_private_ours() && access(REGISTRY_FILE, F_OK) < 0 && access(NAMES_FILE, F_OK) == 0;
}

/* ---- private/names: NAME KIND STATE DETAIL… ---------------------------------------------------------------------- */

static bool read_kind(const char *word, enum name_kind *ret)
{
        for (int kind = NAME_BROKER; kind <= NAME_CLIENT; kind++)
                if (strcmp(word, name_kind_word((enum name_kind)kind)) == 0) {
                        *ret = (enum name_kind)kind;
                        return true;
                }
        return false;
}

static bool read_rights(const char *word, enum name_rights *ret)
{
        static const char *const words[] = {
                [RIGHTS_ALL] = "rw", [RIGHTS_READ_ONLY] = "ro", [RIGHTS_HOME_ASSISTANT] = "ha"
        };

        for (size_t i = RIGHTS_ALL; i < ARRAY_SIZE(words); i++)
                if (strcmp(word, words[i]) == 0) {
                        *ret = (enum name_rights)i;
                        return true;
                }
        return false;
}

static bool read_details(char *rest, struct name *name)
{
        char *more = NULL, *word = strtok_r(rest, " ", &more);

        if (name->kind == NAME_CLIENT) {
                if (!word || !read_rights(word, &name->rights))
                        return false;
                word = strtok_r(NULL, " ", &more);
        }
        for (; word; word = strtok_r(NULL, " ", &more))
                if (strcmp(word, "-") != 0 && !words_add(&name->words, word))
                        return false;
        return name->kind != NAME_BROKER || name->words;
}

static int take_name(struct taking *taking, char *line, unsigned number)
{
        CLEANUP(name_done) struct name name = { .generation = 1 };
        char *rest = NULL, *word = strtok_r(line, " ", &rest);
        const char *kind = strtok_r(NULL, " ", &rest), *state = strtok_r(NULL, " ", &rest);

        if (!word || !kind || !state || strlen(word) >= sizeof(name.name) || !read_kind(kind, &name.kind) ||
            (strcmp(state, "valid") != 0 && strcmp(state, "revoked") != 0))
                return inconsistent(taking, NAMES_FILE, number, "is not NAME KIND STATE");
        (void)strcpy(name.name, word);
        name.is_revoked = strcmp(state, "revoked") == 0;
        if (!read_details(rest, &name))
                return inconsistent(taking, NAMES_FILE, number, "does not hold what belongs to its kind");
        return registry_put(taking->registry, &name, taking->fault);
}

/* ---- private/index.txt: STATE, end, revocation, serial, file, subject, by tabs ------------------------------------ */

/* YYMMDDHHMMSSZ, or with four digits of the year. */
static bool read_time(const char *text, int64_t *ret)
{
        struct tm tm = { 0 };
        size_t length = strspn(text, "0123456789");
        const char *end = length == 12 ? strptime(text, "%y%m%d%H%M%S", &tm) : strptime(text, "%Y%m%d%H%M%S", &tm);

        if ((length != 12 && length != 14) || !end || *end != 'Z')
                return false;
        *ret = (int64_t)timegm(&tm);
        return true;
}

static int read_issued(struct taking *taking, const char *serial, X509 **ret)
{
        CLEANUP_FREE char *path = NULL;

        if (asprintf(&path, "private/certs/%s.pem", serial) < 0)
                return fault_set(taking->fault, -ENOMEM, "out of memory");
        CLEANUP_FILE FILE *file = fopen(path, "re");
        *ret = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
        return *ret ? 0
                    : fault_set(taking->fault, -EBADMSG, "%s: cannot be read, and is in " INDEX_FILE NOT_TAKEN, path);
}

static bool is_serial(const char *text)
{
        size_t length = strlen(text);
        return length > 0 && length < SERIAL_MAX && strspn(text, "0123456789ABCDEF") == length;
}

/* The authority's own is in the index, too. */
static bool is_authority(const char *name)
{
        return strncmp(name, "Sconce CA ", strlen("Sconce CA ")) == 0;
}

static int put_certificate(struct taking *taking, const struct certificate *certificate)
{
        CLEANUP(X509_freep) X509 *issued = NULL;
        CLEANUP(bytes_done) struct bytes der = { 0 };
        int r = read_issued(taking, certificate->serial, &issued);

        if (r == 0)
                r = certificate_to_der(issued, &der, taking->fault);
        return r < 0 ? r : registry_put_certificate(taking->registry, certificate, der.data, der.size, taking->fault);
}

static int take_certificate(struct taking *taking, char *line, unsigned number)
{
        struct certificate certificate = { .generation = 1 };
        char *fields[INDEX_FIELDS];
        CLEANUP(name_done) struct name name = { 0 };

        for (size_t i = 0; i < INDEX_FIELDS; i++)
                fields[i] = strsep(&line, "\t");
        const char *subject = fields[INDEX_FIELDS - 1];
        if (!subject || !strchr("VRE", fields[0][0]) || strncmp(subject, "/CN=", 4) != 0 || !is_serial(fields[3]) ||
            !read_time(fields[1], &certificate.not_after_s))
                return inconsistent(taking, INDEX_FILE, number, "is not one of openssl's");
        if (is_authority(subject + 4))
                return 0;
        if (fields[0][0] == 'R' && !read_time(fields[2], &certificate.revoked_s))
                return inconsistent(taking, INDEX_FILE, number, "does not say when it was revoked");
        int r = strlen(subject + 4) < sizeof(certificate.name)
                        ? registry_find(taking->registry, subject + 4, &name, taking->fault)
                        : -ENOENT;
        if (r == -ENOENT)
                return inconsistent(taking, INDEX_FILE, number, "is of a name that is not in " NAMES_FILE);
        if (r < 0)
                return r;
        if (name.is_revoked && certificate.revoked_s == 0)
                return inconsistent(taking, INDEX_FILE, number, "is in force, and its name is revoked in " NAMES_FILE);
        (void)strcpy(certificate.serial, fields[3]);
        (void)strcpy(certificate.name, subject + 4);
        return put_certificate(taking, &certificate);
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

static int each_line(struct taking *taking, const char *path,
                     int (*take)(struct taking *taking, char *line, unsigned number))
{
        CLEANUP(file_done) struct file file = { 0 };
        struct fault why = { 0 };
        unsigned number = 0;

        if (file_read(path, FILE_MAX, &file, &why) < 0)
                return fault_set(taking->fault, why.code, "%s: %s" NOT_TAKEN, path, why.text);
        if (file.size > 0 && file.data[file.size - 1] != '\n')
                return fault_set(taking->fault, -EBADMSG, "%s: is cut short" NOT_TAKEN, path);
        char *rest = file.data, *line;
        while ((line = strsep(&rest, "\n")) && rest) {
                int r = take(taking, line, ++number);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int take_number(struct taking *taking)
{
        CLEANUP(file_done) struct file file = { 0 };
        struct fault why = { 0 };

        if (file_read(NUMBER_FILE, 64, &file, &why) < 0)
                return fault_set(taking->fault, why.code, NUMBER_FILE ": %s" NOT_TAKEN, why.text);
        unsigned long next = strtoul(file.data, NULL, 16);
        return next > 0 ? registry_set_crl_number(taking->registry, (int64_t)next - 1, taking->fault)
                        : inconsistent(taking, NUMBER_FILE, 1, "is no number");
}

/* Every name in force has a certificate. */
static int check_name(void *userdata, const struct name *name)
{
        struct taking *taking = userdata;
        unsigned count = 0;
        int r = registry_count_in_force(taking->registry, name->name, &count, taking->fault);

        if (r < 0 || name->is_revoked || count > 0)
                return r;
        return fault_set(taking->fault, -EBADMSG,
                         NAMES_FILE ": %s is in force, and " INDEX_FILE " has no certificate of it" NOT_TAKEN,
                         name->name);
}

static int take_all(struct taking *taking)
{
        int r = registry_begin(taking->registry, taking->fault);

        if (r == 0)
                r = each_line(taking, NAMES_FILE, take_name);
        if (r == 0)
                r = each_line(taking, INDEX_FILE, take_certificate);
        if (r == 0)
                r = take_number(taking);
        if (r == 0)
                r = registry_each(taking->registry, check_name, taking, taking->fault);
        return r < 0 ? r : registry_commit(taking->registry, taking->fault);
}

/* A run of the script moved its files into place from here. One that was cut short is gone on with. */
static int move_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
        (void)status;
        (void)place;
        if (type == FTW_D || type == FTW_DNR)
                return 0;
        return rename(path, path + strlen(COMMITTED "/")) < 0 ? -errno : 0;
}

static int move_into_place(struct fault *fault)
{
        if (access(COMMITTED, F_OK) < 0)
                return 0;
        int r = nftw(COMMITTED, move_one, 8, FTW_PHYS);
        if (r != 0)
                return fault_set(fault, r, COMMITTED ": cannot be moved into place: %s" NOT_TAKEN,
                                 strerror(r < -1 ? -r : errno));
        directory_remove(COMMITTED);
        return 0;
}

int takeover(struct fault *fault)
{
        struct taking taking = { .fault = fault };

        (void)unlink(MADE);
        int r = move_into_place(fault);
        if (r == 0)
                r = registry_open(MADE, true, &taking.registry, fault);
        if (r == 0)
                r = take_all(&taking);
        registry_close(taking.registry);
        if (r == 0 && rename(MADE, REGISTRY_FILE) < 0)
                r = fault_set(fault, -errno, REGISTRY_FILE ": %s" NOT_TAKEN, strerror(errno));
        if (r < 0)
                (void)unlink(MADE);
        return r;
}

void takeover_end(void)
{
        static const char *const books[] = { NAMES_FILE, INDEX_FILE, INDEX_FILE ".attr", NUMBER_FILE };

        for (size_t i = 0; i < ARRAY_SIZE(books); i++) {
                char taken[64];
                (void)snprintf(taken, sizeof(taken), "%s" TAKEN, books[i]);
                if (access(books[i], F_OK) == 0)
                        (void)rename(books[i], taken);
        }
}
