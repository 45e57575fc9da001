/* SPDX-License-Identifier: Apache-2.0 */
/* `sconce doctor [NODE]`: what a person would look at first, in that order. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "client/doctor/checkup.h"
#include "client/command.h"
#include "client/doctor/agent.h"
#include "client/doctor/broker.h"
#include "client/doctor/certificate.h"
#include "client/doctor/machine.h"
#include "client/doctor/network.h"
#include "client/shown.h"
#include "client/table.h"

#define NEEDS_MAX 3

/* What a check needs stands above it: a fault is reported once, where it is. */
static const struct check {
        const char *name;
        const char *needs[NEEDS_MAX]; /* others' names: left out where one of them blocks */
        bool strict;                  /* left out where one of them is wrong, even where it does not block */
        bool here;                    /* looks at this machine, and can only be made on the node */
        void (*look)(struct checkup *checkup, struct verdict *verdict);
} checks[] = {
        { "clock", { NULL }, .look = doctor_clock },
        { "config", { NULL }, .look = doctor_config },
        { "certificate", { "clock", "config" }, .look = doctor_certificate },
        { "crl", { "clock", "config" }, .look = doctor_crl },
        { "name", { "config" }, .look = doctor_name },
        { "tcp", { "name" }, .look = doctor_tcp },
        { "tls", { "tcp", "certificate", "crl" }, .look = doctor_tls },
        { "login", { "tls" }, .look = doctor_login },
        { "acl", { "login" }, .look = doctor_acl },
        { "node", { "acl", "config" }, .strict = true, .look = doctor_node },
        { "devices", { "node" }, .look = doctor_devices },
        { "rights", { "config" }, .here = true, .look = doctor_rights },
        { "lines", { "config" }, .here = true, .look = doctor_lines },
        { "pwm", { NULL }, .here = true, .look = doctor_pwm },
        { "1-wire", { NULL }, .here = true, .look = doctor_onewire },
        { "power", { NULL }, .here = true, .look = doctor_power },
        { "disk", { NULL }, .here = true, .look = doctor_disk },
};

static const char *const status_words[] = {
        [VERDICT_OK] = "ok",
        [VERDICT_WRONG] = "wrong",
        [VERDICT_SKIPPED] = "-",
};

static size_t find_check(const char *name)
{
        size_t i = 0;

        while (strcmp(checks[i].name, name) != 0)
                i++;
        return i;
}

/* The check that keeps this one from being made; NULL: none. */
static const char *find_hindrance(const struct check *check, const struct verdict verdicts[])
{
        for (size_t i = 0; i < NEEDS_MAX && check->needs[i]; i++) {
                const struct verdict *needed = &verdicts[find_check(check->needs[i])];
                if (needed->blocks || (check->strict && needed->status == VERDICT_WRONG))
                        return check->needs[i];
        }
        return NULL;
}

static void make(struct checkup *checkup, size_t i, struct verdict verdicts[])
{
        const char *hindrance = find_hindrance(&checks[i], verdicts);
        struct verdict *verdict = &verdicts[i];

        if (hindrance) {
                verdict_skip(verdict, "left out: it needs %s", hindrance);
                verdict->blocks = true;
        } else if (checks[i].here && checkup->afar) {
                verdict_skip(verdict, "seen on the node itself alone: sudo sconce doctor there");
        } else {
                checks[i].look(checkup, verdict);
        }
}

/* ---- Showing ------------------------------------------------------------------------------------------------- */

/* Brokers and devices have their words in it. */
static int print(FILE *out, const char *name, const struct verdict *verdict)
{
        CLEANUP_FREE char *text = shown_text(verdict->text, strlen(verdict->text));
        CLEANUP_FREE char *command = shown_text(verdict->command, strlen(verdict->command));

        if (!text || !command)
                return -ENOMEM;
        int r = fprintf(out, "%-11s  %-5s  %s%s%s\n", name, status_words[verdict->status], text,
                        *command ? "; mend: " : "", command);
        return r < 0 || fflush(out) != 0 ? -EIO : 0;
}

static json_t *text_or_null(const char *text)
{
        CLEANUP_FREE char *valid = *text ? shown_utf8(text, strlen(text), &(size_t){ 0 }) : NULL;
        return valid ? json_string(valid) : json_null();
}

static int add_row(json_t *rows, const char *name, const struct verdict *verdict)
{
        json_t *ok = verdict->status == VERDICT_SKIPPED ? json_null() : json_boolean(verdict->status == VERDICT_OK);
        return json_array_append_new(rows, json_pack("{s:s, s:o, s:o, s:o}", "check", name, "ok", ok, "message",
                                                     text_or_null(verdict->text), "command",
                                                     text_or_null(verdict->command))) < 0
                       ? -ENOMEM
                       : 0;
}

/* ---- The command --------------------------------------------------------------------------------------------- */

static int examine(struct checkup *checkup, FILE *out)
{
        struct verdict verdicts[ARRAY_SIZE(checks)] = { { .status = VERDICT_OK } };
        bool as_json = checkup->arguments->json;
        json_t *rows = json_array();
        int exit_code = 0, r = rows ? 0 : -ENOMEM;

        for (size_t i = 0; i < ARRAY_SIZE(checks) && r == 0; i++) {
                make(checkup, i, verdicts);
                if (verdicts[i].status == VERDICT_WRONG)
                        exit_code = EXIT_REFUSED;
                r = as_json ? add_row(rows, checks[i].name, &verdicts[i]) : print(out, checks[i].name, &verdicts[i]);
        }
        if (r == 0 && as_json)
                r = table_json(out, rows, true);
        json_decref(rows);
        if (r < 0)
                shown_say("cannot write what was found");
        return r < 0 ? EXIT_REFUSED : exit_code;
}

static int doctor_run(const struct arguments *arguments)
{
        struct checkup checkup;
        int exit_code = EXIT_BAD_CONFIG, r = checkup_open(&checkup, arguments);

        if (r == 0) {
                exit_code = examine(&checkup, stdout);
        } else if (r != -ENOENT) {
                shown_say("cannot start: %s", strerror(-r));
                exit_code = EXIT_REFUSED;
        }
        checkup_done(&checkup);
        return exit_code;
}

static int doctor_check(const struct arguments *arguments, struct fault *fault)
{
        struct view_name name;

        if (arguments->count == 0)
                return 0;
        int r = view_place_read(arguments->words[0], &name, fault);
        if (r == 0 && name.device[0])
                return fault_set(fault, -EINVAL, "\"%.80s\" is a device: sconce doctor %.64s looks at its node",
                                 arguments->words[0], name.node);
        return r;
}

const struct client_command command_doctor = {
        .name = "doctor",
        .words = "[NODE]",
        .summary = "Finds out what is wrong, and prints the command that mends it",
        .text = "On a node it looks at the machine, at /etc/sconce/sconce.conf and at the way to the broker: run it "
                "with sudo.\n"
                "With NODE, or where there is no node, it looks from afar, with your own certificate. A check that "
                "cannot be\n"
                "made here prints why, after a dash. Exit code 1: something is wrong.\n\n"
                "Examples:\n"
                "  sudo sconce doctor\n"
                "  sconce doctor hall\n"
                "  sconce doctor --json | jq -r '.[] | select(.ok == false) | .command'\n",
        .max = 1,
        .check = doctor_check,
        .run = doctor_run,
};
