/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes/tree.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void make_dir(const char *path)
{
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
                fail_msg("%s: %s", path, strerror(errno));
}

/* The full path, whose directories are there afterwards. */
static void make_room(const char *root, const char *path, char full[static PATH_MAX])
{
        assert_true(snprintf(full, PATH_MAX, "%s/%s", root, path) < PATH_MAX);
        for (char *slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                make_dir(full);
                *slash = '/';
        }
}

static void write_text(const char *path, const char *text)
{
        FILE *file = fopen(path, "we");

        if (!file)
                fail_msg("%s: %s", path, strerror(errno));
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

void tree_make(const char *root, const struct tree_entry *entries)
{
        char path[PATH_MAX];

        for (; entries->path; entries++) {
                make_room(root, entries->path, path);
                switch (entries->kind) {
                case TREE_FILE:
                        write_text(path, entries->text);
                        break;
                case TREE_LINK:
                        assert_int_equal(symlink(entries->text, path), 0);
                        break;
                case TREE_DIR:
                        make_dir(path);
                        break;
                case TREE_FIFO:
                        assert_int_equal(mkfifo(path, 0600), 0);
                        break;
                }
        }
}

void tree_put(const char *root, const char *path, const char *text)
{
        tree_make(root, (const struct tree_entry[]){ { path, text, TREE_FILE }, { NULL, NULL, TREE_FILE } });
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *info)
{
        (void)status, (void)type, (void)info;
        return remove(path);
}

void tree_remove(const char *root, const char *path)
{
        char full[PATH_MAX];

        assert_true(snprintf(full, PATH_MAX, "%s/%s", root, path) < PATH_MAX);
        assert_int_equal(nftw(full, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}
