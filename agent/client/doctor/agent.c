/* SPDX-License-Identifier: Apache-2.0 */
#include "client/doctor/agent.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "client/program.h"

#define OUTPUT_MAX (64 * 1024)

/* ---- The agent's program ------------------------------------------------------------------------------------- */

/* Where it is beside us: as installed, or as built. */
static const char *find_agent(const struct checkup *checkup, char path[static PATH_MAX])
{
        static const char *const places[] = { "sconced", "../sbin/sconced" };
        char own[PATH_MAX - 32] = "";

        if (checkup->root[0]) {
                (void)snprintf(path, PATH_MAX, "%s/usr/sbin/sconced", checkup->root);
                return path;
        }
        if (readlink("/proc/self/exe", own, sizeof(own) - 1) > 0 && strrchr(own, '/'))
                strrchr(own, '/')[1] = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
                (void)snprintf(path, PATH_MAX, "%s%s", own, places[i]);
                if (access(path, X_OK) == 0)
                        return path;
        }
        return "sconced";
}

/* The plugins that it finds by itself, but in tests. */
static int run_agent(const struct checkup *checkup, const char *mode, char text[static OUTPUT_MAX])
{
        CLEANUP_FREE char *plugins = checkup_path(checkup, "/usr/lib/sconce/plugins");
        char path[PATH_MAX];

        if (!plugins)
                return -ENOMEM;
        const char *const argv[] = {
                find_agent(checkup, path),
                mode,
                "--config",
                checkup->path,
                checkup->root[0] ? "--plugins" : NULL,
                plugins,
                NULL,
        };
        return program_read(argv, text, OUTPUT_MAX);
}

/* ---- The config ---------------------------------------------------------------------------------------------- */

/* The first line that reports an error: a log line begins with its level, as in "<3>". */
static const char *first_error(char *text)
{
        char *found = strncmp(text, "<3>", 3) == 0 ? text : strstr(text, "\n<3>");

        if (found)
                text = strstr(found, "<3>") + 3;
        text[strcspn(text, "\n")] = '\0';
        return text;
}

/* What can be read of it is enough for the way to the broker. */
static void wrong_config(const struct checkup *checkup, const char *sentence, struct verdict *verdict)
{
        verdict_wrong(verdict, "%s", sentence);
        verdict_mend(verdict, checkup->afar ? "${EDITOR:-nano} %s" : "sudoedit %s", checkup->path);
        verdict->blocks = !checkup->has_settings;
}

void doctor_config(struct checkup *checkup, struct verdict *verdict)
{
        CLEANUP_FREE char *text = calloc(1, OUTPUT_MAX);

        if (access(checkup->path, R_OK) < 0 && errno == EACCES) {
                verdict_skip(verdict, "you may not read %s: run sudo sconce doctor", checkup->path);
                verdict->blocks = true;
                return;
        }
        int r = checkup->afar || !text ? -ENOENT : run_agent(checkup, "--check", text);
        if (checkup->problems.count > 0)
                wrong_config(checkup, checkup->problems.items[0], verdict);
        else if (r > 0)
                wrong_config(checkup, first_error(text), verdict);
        else if (r < 0 && !checkup->afar)
                verdict_skip(verdict, "sconced cannot be run to check it: %s", strerror(-r));
        else
                verdict_ok(verdict, "%s", checkup->path);
}

/* ---- Lines --------------------------------------------------------------------------------------------------- */

struct used_line {
        char chip[64], offset[16], name[64], user[64];
};

/* A row of `sconced --lines` whose last column names somebody else. */
static bool read_row(const char *row, bool has_pins, struct used_line *ret)
{
        char place[64], *colon;
        int skipped = 0;

        if (has_pins)
                (void)sscanf(row, "%*s%n", &skipped);
        if (sscanf(row + skipped, "%63s %*s %63s %*s %*s %63[^\n]", place, ret->name, ret->user) != 3 ||
            !(colon = strrchr(place, ':')))
                return false;
        *colon = '\0';
        memcpy(ret->chip, place, sizeof(ret->chip));
        (void)snprintf(ret->offset, sizeof(ret->offset), "%.15s", colon + 1);
        return strcmp(ret->user, "-") != 0 && strcmp(ret->user, "sconced") != 0;
}

/* As a config names a line: NAME, CHIP:NAME, CHIP:OFFSET. */
static bool is_line(const struct used_line *line, const char *value)
{
        const char *colon = strrchr(value, ':');

        if (!colon)
                return strcmp(value, line->name) == 0;
        return strlen(line->chip) == (size_t)(colon - value) &&
               strncmp(line->chip, value, (size_t)(colon - value)) == 0 &&
               (strcmp(colon + 1, line->offset) == 0 || strcmp(colon + 1, line->name) == 0);
}

static const struct config_section *find_user(const struct config *config, const struct used_line *line)
{
        for (size_t i = 0; i < config->count; i++) {
                const struct config_section *section = &config->sections[i];
                if (!config_is_device(config, i))
                        continue;
                for (size_t k = 0; k < section->count; k++)
                        for (size_t v = 0; v < section->entries[k].count; v++)
                                if (is_line(line, section->entries[k].values[v]))
                                        return section;
        }
        return NULL;
}

static void judge_line(const struct used_line *line, const struct config_section *section, struct verdict *verdict)
{
        char label[CONFIG_LABEL_MAX];

        (void)config_label(section, label);
        if (strcmp(line->user, "the kernel") == 0) {
                verdict_wrong(verdict,
                              "%s: %s belongs to the kernel: the pin is muxed to a peripheral (I2C, SPI, UART)", label,
                              line->name);
                verdict_mend(verdict, "sudo raspi-config");
        } else {
                verdict_wrong(verdict, "%s: %s is in use by \"%s\"", label, line->name, line->user);
                verdict_mend(verdict, "sudo fuser -v /dev/%s", line->chip);
        }
}

void doctor_lines(struct checkup *checkup, struct verdict *verdict)
{
        CLEANUP_FREE char *text = calloc(1, OUTPUT_MAX);
        int r = text ? run_agent(checkup, "--lines", text) : -ENOMEM;
        bool has_pins = text && strncmp(text, "PIN", 3) == 0;
        char *rest = text;

        if (r != 0) {
                verdict_skip(verdict, "%s", r < 0 ? strerror(-r) : first_error(text));
                return;
        }
        verdict_ok(verdict, "nobody else uses those of the config");
        for (char *row; verdict->status == VERDICT_OK && (row = strsep(&rest, "\n"));) {
                struct used_line line;
                const struct config_section *section = read_row(row, has_pins, &line)
                                                               ? find_user(checkup->config, &line)
                                                               : NULL;
                if (section)
                        judge_line(&line, section, verdict);
        }
}
