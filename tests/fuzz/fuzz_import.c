/* SPDX-License-Identifier: Apache-2.0 */
/* A YAML file of another program: what `sconce import` writes is a config, and what it cannot read has its line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/import/import.h"
#include "config/builtin.h"
#include "config/config.h"
#include "fuzz/fuzz.h"
#include "util/text.h"

/* Lines of "a.yml:LINE: text", fit for a terminal. */
static void check_notes(const char *notes, size_t size)
{
        must(text_utf8_valid(notes, size) == size);
        for (size_t length; *notes; notes += length + 1) {
                length = strcspn(notes, "\n");
                must(strncmp(notes, "a.yml:", 6) == 0 && notes[6] >= '1' && notes[6] <= '9');
                must(notes[length] == '\n');
                for (size_t i = 0; i < length; i++)
                        must((unsigned char)notes[i] >= ' ');
        }
}

static void check_config(const char *text, size_t size)
{
        CLEANUP(problems_done) struct problems problems = { 0 };
        CLEANUP_CONFIG struct config *config = NULL;
        struct settings settings = { 0 };

        must(config_load_file(input_file(text, size), &problems, &config) == 0);
        must(problems_none(&problems));
        must(config->count > 0);
        for (size_t i = 0; i < config->count; i++)
                must(!config->sections[i].id || text_is_id(config->sections[i].id));
        must(settings_read(config, SETTINGS_DAEMON, &problems, &settings) == 0);
        settings_done(&settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *conf_text = NULL, *notes_text = NULL;
        size_t conf_size, notes_size;
        FILE *conf = open_memstream(&conf_text, &conf_size), *notes = open_memstream(&notes_text, &notes_size);

        must(conf && notes);
        int r = import_text("a.yml", (const char *)data, size, conf, notes);
        must(r == 0 || r == -EINVAL || r == -ENOENT);
        must(fclose(conf) == 0 && fclose(notes) == 0);
        must((r == 0) == (conf_size > 0));
        must(r == 0 || notes_size > 0);
        check_notes(notes_text, notes_size);
        if (r == 0)
                check_config(conf_text, conf_size);
        free(conf_text);
        free(notes_text);
        return 0;
}
