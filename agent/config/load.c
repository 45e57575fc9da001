/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a file's name to a struct config: the file, its drop-ins, their includes. Each file is read once and stands for
 * itself: an included file opens its own sections, and after it the including file's section goes on.
 */
#include <dirent.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/parse.h"
#include "util/text.h"

#define INCLUDE_DEPTH_MAX 10

/* By this two names are one file. */
struct identity {
        dev_t device;
        ino_t inode;
        bool being_read; /* further up in the chain of includes */
};

struct loader {
        struct config *config;
        struct problems *problems;
        struct identity *identities; /* one for each of config->files */
        EVP_MD_CTX *hash;
};

/* A file's own @includes: whose they are, and how deep it lies itself. */
struct includer {
        struct loader *loader;
        unsigned depth;
};

/* PATH as seen from the directory of the file that names it. */
static char *resolve(const char *from, const char *path)
{
        const char *slash = strrchr(from, '/');
        char *resolved;
        int length = slash && path[0] != '/' ? (int)(slash - from) + 1 : 0;
        return asprintf(&resolved, "%.*s%s", length, from, path) < 0 ? NULL : resolved;
}

/* Says why a file that is named twice is not read again. */
static void complain_twice(struct loader *loader, const char *path, struct config_origin from,
                           const struct identity *known)
{
        const char *known_as = loader->config->files[known - loader->identities];
        char shown[TEXT_SHOWN_MAX];
        problems_add(loader->problems, from.file ? from.file : path, from.line,
                     known->being_read ? "@include: %s includes itself, directly or through others"
                                       : "@include: %s has been read already; each file is read once",
                     text_show(known_as, shown));
}

/* Notes the file and its hash. 1: it has been read before, which is reported. */
static int register_file(struct loader *loader, const char *path, const struct file *file, struct config_origin from)
{
        struct config *config = loader->config;
        for (size_t i = 0; i < config->n_files; i++) {
                const struct identity *known = &loader->identities[i];
                if (known->device == file->status.st_dev && known->inode == file->status.st_ino) {
                        complain_twice(loader, path, from, known);
                        return 1;
                }
        }
        struct identity *identities = realloc(loader->identities, (config->n_files + 1) * sizeof(*identities));
        if (!identities)
                return -ENOMEM;
        loader->identities = identities;
        char **files = realloc(config->files, (config->n_files + 1) * sizeof(*files));
        if (!files)
                return -ENOMEM;
        config->files = files;
        files[config->n_files] = strdup(path);
        if (!files[config->n_files] || EVP_DigestUpdate(loader->hash, file->data, file->size) != 1)
                return -ENOMEM;
        identities[config->n_files++] = (struct identity){ file->status.st_dev, file->status.st_ino, true };
        return 0;
}

static void complain_missing(struct loader *loader, const char *path, struct config_origin from)
{
        if (!from.file) {
                problems_add(loader->problems, path, 0, "cannot be read: %s", strerror(ENOENT));
                return;
        }
        const char *hint = strpbrk(path, "*?") ? "; wildcards are not expanded" : "";
        problems_add(loader->problems, from.file, from.line, "@include: %s cannot be read: %s%s", path,
                     strerror(ENOENT), hint);
}

static int load_file(struct loader *loader, const char *path, struct config_origin from, unsigned depth);

static int load_included(void *userdata, const char *path, struct config_origin from)
{
        const struct includer *includer = userdata;
        if (includer->depth == INCLUDE_DEPTH_MAX) {
                problems_add(includer->loader->problems, from.file, from.line, "@include: more than %d files deep",
                             INCLUDE_DEPTH_MAX);
                return 0;
        }
        CLEANUP_FREE char *resolved = resolve(from.file, path);
        return resolved ? load_file(includer->loader, resolved, from, includer->depth + 1) : -ENOMEM;
}

/* `from` is the place that includes it, file NULL for none. */
static int load_file(struct loader *loader, const char *path, struct config_origin from, unsigned depth)
{
        struct includer includer = { loader, depth };
        struct parse parse = {
                .config = loader->config,
                .problems = loader->problems,
                .include = load_included,
                .userdata = &includer,
        };
        int r = reader_open(path, loader->problems, &parse.reader);
        if (r == -ENOENT)
                complain_missing(loader, path, from);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        r = register_file(loader, path, &parse.reader.file, from);
        if (r == 0) {
                size_t number = loader->config->n_files - 1;
                parse.file = loader->config->files[number];
                r = parse_lines(&parse);
                loader->identities[number].being_read = false;
        }
        reader_close(&parse.reader);
        return r < 0 ? r : 0;
}

static int is_drop_in(const struct dirent *entry)
{
        size_t length = strlen(entry->d_name);
        return entry->d_name[0] != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".conf") == 0;
}

/* The C locale's order, in any environment. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_drop_ins(struct loader *loader, const char *path)
{
        CLEANUP_FREE char *directory = resolve(path, "conf.d");
        if (!directory)
                return -ENOMEM;
        struct dirent **entries = NULL;
        int count = scandir(directory, &entries, is_drop_in, by_bytes);
        if (count < 0) {
                if (errno == ENOMEM)
                        return -ENOMEM;
                if (errno != ENOENT)
                        problems_add(loader->problems, directory, 0, "cannot be read: %s", strerror(errno));
                return 0;
        }
        int r = 0;
        for (int i = 0; i < count; i++) {
                CLEANUP_FREE char *file = NULL;
                if (r == 0 && asprintf(&file, "%s/%s", directory, entries[i]->d_name) < 0)
                        r = -ENOMEM;
                if (r == 0)
                        r = load_file(loader, file, (struct config_origin){ 0 }, 0);
                free(entries[i]);
        }
        free(entries);
        return r;
}

static int finish_hash(struct loader *loader)
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        if (EVP_DigestFinal_ex(loader->hash, digest, &size) != 1 || size * 2 >= sizeof(loader->config->sha256))
                return -ENOMEM;
        text_hex(digest, size, loader->config->sha256);
        return 0;
}

static int load_all(struct loader *loader, const char *path, bool drop_ins)
{
        /* The first use of OpenSSL. Its functions go through NULL where its own set-up found no memory. */
        if (!OSSL_LIB_CTX_get0_global_default())
                return -ENOMEM;
        loader->hash = EVP_MD_CTX_new();
        if (!loader->hash || EVP_DigestInit_ex(loader->hash, EVP_sha256(), NULL) != 1)
                return -ENOMEM;
        int r = load_file(loader, path, (struct config_origin){ 0 }, 0);
        if (r == 0 && drop_ins)
                r = load_drop_ins(loader, path);
        return r < 0 ? r : finish_hash(loader);
}

static int load(const char *path, bool drop_ins, struct problems *problems, struct config **ret)
{
        CLEANUP_CONFIG struct config *config = calloc(1, sizeof(*config));
        if (!config)
                return -ENOMEM;
        struct loader loader = { .config = config, .problems = problems };
        int r = load_all(&loader, path, drop_ins);
        EVP_MD_CTX_free(loader.hash);
        free(loader.identities);
        if (r < 0 || problems->lost)
                return -ENOMEM;
        *ret = TAKE_PTR(config);
        return 0;
}

int config_load(const char *path, struct problems *problems, struct config **ret)
{
        return load(path, true, problems, ret);
}

int config_load_file(const char *path, struct problems *problems, struct config **ret)
{
        return load(path, false, problems, ret);
}
