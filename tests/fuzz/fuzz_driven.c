/* SPDX-License-Identifier: Apache-2.0 */
/* The file that names the outputs that are driven, with any bytes. "@BOOT@" in it becomes this boot's id, without
 * which it counts for nothing. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/driven.h"
#include "fuzz/fuzz.h"
#include "util/clock.h"
#include "util/file.h"

static char dir[PATH_MAX], path[PATH_MAX + 8];

static void remove_dir(void)
{
        (void)unlink(path);
        (void)rmdir(dir);
}

static void make_dir(void)
{
        const char *parent = getenv("TMPDIR");

        if (dir[0])
                return;
        (void)snprintf(dir, sizeof(dir), "%s/driven-XXXXXX", parent ? parent : "/tmp");
        must(mkdtemp(dir));
        (void)snprintf(path, sizeof(path), "%s/driven", dir);
        (void)atexit(remove_dir);
}

static void write_file(const void *data, size_t size)
{
        FILE *out = fopen(path, "we");

        must(out && fwrite(data, 1, size, out) == size && fclose(out) == 0);
}

static char *read_file(void)
{
        struct file file;

        must(file_read(path, SIZE_MAX - 1, &file, NULL) == 0);
        return file.data;
}

/* The bytes with the boot's id in place of the first "@BOOT@". */
static void write_input(const uint8_t *data, size_t size)
{
        static const char mark[] = "@BOOT@";
        const char *at = memmem(data, size, mark, strlen(mark)), *boot = clock_boot_id();
        char *whole = malloc(size + strlen(boot) + 1);
        size_t before = at ? (size_t)(at - (const char *)data) : 0;

        must(whole);
        if (at) {
                memcpy(whole, data, before);
                memcpy(whole + before, boot, strlen(boot));
                memcpy(whole + before + strlen(boot), at + strlen(mark), size - before - strlen(mark));
                write_file(whole, size - strlen(mark) + strlen(boot));
        } else {
                write_file(data, size);
        }
        free(whole);
}

/* What another run takes over is what was there, and another one after that takes over the same. */
static void check_taken_over(const char *chip, const char *sim_dir)
{
        const struct driven_options options = { .path = path, .chip = chip, .sim_dir = sim_dir };
        struct driven *driven = NULL, *again = NULL;

        must(driven_new(&options, &driven) == 0);
        char *first = read_file();
        must(driven_new(&options, &again) == 0);
        char *second = read_file();
        must(same_text(first, second));
        must(driven_past(driven, "pump").was_for == driven_past(again, "pump").was_for);
        must(driven_past(driven, "pump").was_cut_off == driven_past(again, "pump").was_cut_off);
        driven_release(driven, "pump", false); /* it has not been driven by this run */
        must(driven_past(driven, "pump").was_for == driven_past(again, "pump").was_for);
        driven_free(driven);
        driven_free(again);
        free(first);
        free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct driven *driven = NULL;
        struct fault fault = { 0 };

        make_dir();
        write_input(size > 0 ? data : (const uint8_t *)"", size);
        int r = driven_read(path, &driven, &fault);
        must(r == 0 || r == -ENOENT || r == -EBADMSG || r == -EFBIG);
        must((r == 0) == (driven != NULL));
        must(r == 0 || r == -ENOENT || is_sentence(fault.text, sizeof(fault.text)));
        if (r == 0)
                check_taken_over(driven_chip(driven), driven_sim_dir(driven));
        driven_free(driven);
        return 0;
}
