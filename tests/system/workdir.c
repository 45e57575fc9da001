/* SPDX-License-Identifier: Apache-2.0 */
#include "system/workdir.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/process.h"
#include "util/cleanup.h"

static char dir[PATH_MAX];
static char **kept;
static size_t n_kept;

void workdir_make(void)
{
        const char *tmp = getenv("TMPDIR");

        (void)snprintf(dir, sizeof(dir), "%s/sconce-test.XXXXXX", tmp && *tmp ? tmp : "/tmp");
        if (!mkdtemp(dir))
                give_up("cannot make %s: %s", dir, strerror(errno));
        /* No program of a test keeps anything of its own elsewhere. */
        make_dir(work_path("state"));
        (void)setenv("STATE_DIRECTORY", work_path("state"), 1);
        make_dir(work_path("run"));
        (void)setenv("RUNTIME_DIRECTORY", work_path("run"), 1);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
        (void)st;
        (void)type;
        (void)at;
        (void)remove(path);
        return 0;
}

void workdir_remove(void)
{
        if (dir[0] && !getenv("SCONCE_TEST_KEEP"))
                (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        else if (dir[0])
                (void)fprintf(stderr, "kept: %s\n", dir);
        dir[0] = '\0';
        while (n_kept)
                free(kept[--n_kept]);
        free(kept);
        kept = NULL;
}

const char *keep_text(char *text)
{
        char **more = realloc(kept, (n_kept + 1) * sizeof(*kept));

        if (!text || !more)
                abort();
        kept = more;
        kept[n_kept++] = text;
        return text;
}

const char *format_text(const char *format, ...)
{
        va_list arguments;
        char *text = NULL;

        va_start(arguments, format);
        if (vasprintf(&text, format, arguments) < 0)
                text = NULL;
        va_end(arguments);
        return keep_text(text);
}

const char *work_path(const char *format, ...)
{
        char name[1024];
        char *path = NULL;
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(name, sizeof(name), format, arguments);
        va_end(arguments);
        if (asprintf(&path, "%s/%s", dir, name) < 0)
                path = NULL;
        return keep_text(path);
}

/* What is installed stands in for what was built and for files of the source tree: SCONCE_TEST_INSTALLED is a
 * directory of links that is laid out like these two. NULL: there is none of that name. */
static const char *installed_path(const char *name)
{
        const char *installed = getenv("SCONCE_TEST_INSTALLED");
        char *path = NULL;

        if (!installed || asprintf(&path, "%s/%s", installed, name) < 0)
                return NULL;
        if (access(path, F_OK) == 0)
                return keep_text(path);
        free(path);
        return NULL;
}

/* This program is BUILD/tests/system/test_x or BUILD/tests/bench/x. */
const char *build_path(const char *name)
{
        const char *installed = installed_path(name);
        char self[PATH_MAX];
        char *path = NULL;

        if (installed)
                return installed;
        ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
        if (length < 0)
                give_up("cannot read /proc/self/exe: %s", strerror(errno));
        self[length] = '\0';
        if (asprintf(&path, "%s/%s", dirname(dirname(dirname(self))), name) < 0)
                path = NULL;
        return keep_text(path);
}

/* Tests run from the top of the source tree. */
const char *source_path(const char *name)
{
        const char *installed = installed_path(name);
        char here[PATH_MAX];
        char *path = NULL;

        if (installed)
                return installed;
        if (!getcwd(here, sizeof(here)) || asprintf(&path, "%s/%s", here, name) < 0)
                path = NULL;
        if (path && access(path, F_OK) < 0)
                give_up("%s is not there: run the tests from the top of the source tree", path);
        return keep_text(path);
}

void make_dir(const char *path)
{
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
                give_up("cannot make %s: %s", path, strerror(errno));
}

void write_file(const char *path, const char *format, ...)
{
        va_list arguments;

        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0)
                give_up("cannot write %s: %s", path, strerror(errno));
        va_start(arguments, format);
        if (vdprintf(fd, format, arguments) < 0)
                give_up("cannot write %s: %s", path, strerror(errno));
        va_end(arguments);
        (void)close(fd);
}

char *read_file(const char *path)
{
        CLEANUP_FILE FILE *file = fopen(path, "re");
        char *text = NULL;
        size_t size = 0;

        if (!file || getdelim(&text, &size, '\0', file) < 0) {
                free(text);
                return file ? strdup("") : NULL;
        }
        return text;
}
