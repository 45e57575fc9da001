/* SPDX-License-Identifier: Apache-2.0 */
#include "client/doctor/checkup.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "client/shown.h"

/* For tests: the machine's /etc, /sys, /var… are below it. */
#define ROOT_VARIABLE "SCONCE_DOCTOR_ROOT"

/* ---- Verdicts ------------------------------------------------------------------------------------------------ */

#define SET_TEXT(field, format)                                                                                        \
        do {                                                                                                           \
                va_list arguments;                                                                                     \
                va_start(arguments, format);                                                                           \
                (void)vsnprintf(field, sizeof(field), format, arguments);                                              \
                va_end(arguments);                                                                                     \
        } while (0)

void verdict_ok(struct verdict *verdict, const char *format, ...)
{
        verdict->status = VERDICT_OK;
        SET_TEXT(verdict->text, format);
}

void verdict_wrong(struct verdict *verdict, const char *format, ...)
{
        verdict->status = VERDICT_WRONG;
        verdict->blocks = true;
        SET_TEXT(verdict->text, format);
}

void verdict_skip(struct verdict *verdict, const char *format, ...)
{
        verdict->status = VERDICT_SKIPPED;
        SET_TEXT(verdict->text, format);
}

void verdict_mend(struct verdict *verdict, const char *format, ...)
{
        SET_TEXT(verdict->command, format);
}

/* ---- The run ------------------------------------------------------------------------------------------------- */

char *checkup_path(const struct checkup *checkup, const char *path)
{
        char *all;
        return asprintf(&all, "%s%s", checkup->root, path) < 0 ? NULL : all;
}

/* A node named, or no node here: from afar. */
static int choose_config(struct checkup *checkup)
{
        const struct arguments *arguments = checkup->arguments;
        CLEANUP_FREE char *own = checkup_path(checkup, SCONCE_SYSCONFDIR "/sconce/sconce.conf");

        if (!own)
                return -ENOMEM;
        if (arguments->count > 0)
                (void)snprintf(checkup->node, sizeof(checkup->node), "%s", arguments->words[0]);
        checkup->afar = arguments->count > 0 || (!arguments->config && access(own, F_OK) < 0);
        if (arguments->config)
                checkup->path = strdup(arguments->config);
        else
                checkup->path = checkup->afar ? client_settings_find() : TAKE_PTR(own);
        return checkup->path ? 0 : -ENOENT;
}

/* What is wrong with it is for the check of the config to report. */
static int read_config(struct checkup *checkup)
{
        int r = checkup->afar ? config_load_file(checkup->path, &checkup->problems, &checkup->config)
                              : config_load(checkup->path, &checkup->problems, &checkup->config);

        if (r == 0)
                r = settings_read(checkup->config, checkup->afar ? SETTINGS_CLIENT : SETTINGS_DAEMON,
                                  &checkup->problems, &checkup->settings.config);
        checkup->has_settings = r == 0;
        return r == -ENOMEM ? r : 0;
}

int checkup_open(struct checkup *checkup, const struct arguments *arguments)
{
        const char *root = getenv(ROOT_VARIABLE);

        *checkup = (struct checkup){ .arguments = arguments, .root = root ? root : "" };
        int r = choose_config(checkup);
        if (r == 0)
                r = read_config(checkup);
        if (r == 0)
                r = loop_init(&checkup->loop);
        if (r >= 0)
                r = view_init(&checkup->home, checkup->has_settings ? checkup->settings.config.broker.base : "sconce");
        return MIN(r, 0);
}

void checkup_done(struct checkup *checkup)
{
        session_free(checkup->session);
        tls_free(checkup->tls);
        view_done(&checkup->home);
        loop_done(&checkup->loop);
        client_settings_done(&checkup->settings);
        problems_done(&checkup->problems);
        config_free(checkup->config);
        free(checkup->path);
}

bool checkup_wait(struct checkup *checkup, bool (*done)(const struct checkup *checkup), uint64_t within_us)
{
        uint64_t end_us = loop_now_us(&checkup->loop) + within_us;

        while (!done(checkup)) {
                uint64_t now_us = loop_now_us(&checkup->loop);
                if (now_us >= end_us || sd_event_run(checkup->loop.event, end_us - now_us) < 0)
                        return false;
        }
        return true;
}

const struct config_section *checkup_find_device(const struct checkup *checkup, const char *plugin)
{
        for (size_t i = 0; i < checkup->config->count; i++)
                if (config_is_device(checkup->config, i) && strcmp(checkup->config->sections[i].kind, plugin) == 0)
                        return &checkup->config->sections[i];
        return NULL;
}

const struct config_entry *checkup_find_key(const struct checkup *checkup, const char *key)
{
        for (size_t i = 0; i < checkup->config->count; i++) {
                const struct config_entry *entry = config_is_device(checkup->config, i)
                                                           ? config_entry_find(&checkup->config->sections[i], key)
                                                           : NULL;
                if (entry)
                        return entry;
        }
        return NULL;
}
