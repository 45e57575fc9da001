/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes/config_text.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
        int before; /* the directory to go back to */
        char path[4096];
};

int config_text_setup(void **state)
{
        struct place *place = calloc(1, sizeof(*place));
        if (!place)
                return -1;
        const char *base = getenv("TMPDIR");
        (void)snprintf(place->path, sizeof(place->path), "%s/sconce-test-XXXXXX", base ? base : "/tmp");
        place->before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        *state = place;
        return place->before >= 0 && mkdtemp(place->path) && chdir(place->path) == 0 ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *info)
{
        (void)status;
        (void)type;
        (void)info;
        return remove(path);
}

int config_text_teardown(void **state)
{
        struct place *place = *state;
        int r = fchdir(place->before);
        (void)close(place->before);
        if (nftw(place->path, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0)
                r = -1;
        free(place);
        return r;
}

void config_text_file(const char *name, const void *text, size_t size)
{
        FILE *file = fopen(name, "we");
        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, size, file), size);
        assert_int_equal(fclose(file), 0);
}

struct config *config_text_load(const char *text, struct problems *problems)
{
        config_text_file("a.conf", text, strlen(text));
        struct config *config = NULL;
        assert_int_equal(config_load("a.conf", problems, &config), 0);
        return config;
}

static void render_entry(FILE *out, const struct config_section *section, const struct config_entry *entry)
{
        char label[CONFIG_LABEL_MAX];
        if (entry->broken)
                return;
        (void)fprintf(out, "%s %s = %s", config_label(section, label), entry->key, entry->is_list ? "(" : "");
        for (size_t i = 0; i < entry->count; i++)
                (void)fprintf(out, "%s%s", i ? "|" : "", entry->values[i]);
        (void)fputs(entry->is_list ? ")\n" : "\n", out);
}

char *config_text_render(const struct config *config, const struct problems *problems)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        assert_non_null(out);
        for (size_t s = 0; config && s < config->count; s++) {
                for (size_t i = 0; i < config->sections[s].count; i++)
                        render_entry(out, &config->sections[s], &config->sections[s].entries[i]);
        }
        for (size_t i = 0; i < problems->count; i++)
                (void)fprintf(out, "%s\n", problems->items[i]);
        assert_int_equal(fclose(out), 0);
        return text;
}
