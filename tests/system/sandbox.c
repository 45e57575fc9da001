/* SPDX-License-Identifier: Apache-2.0 */
#include "system/sandbox.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <cmocka.h>

#include "system/process.h"
#include "system/workdir.h"
#include "util/cleanup.h"

#ifdef SCONCE_HAVE_SECCOMP

#include <seccomp.h>

static scmp_filter_ctx filter, without_clock;

#define FILTER_KEY "SystemCallFilter="

/* Which system calls are allowed, by number. */
static bool allowed[4096];

static void apply(const char *name, bool allow, unsigned depth);

static void apply_lines(char *text, bool allow, unsigned depth)
{
        char *rest = NULL;

        /* The set's own name stands first, what is in it below, set in. */
        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                char *word = line + strspn(line, " ");
                if (word != line && *word != '#')
                        apply(word, allow, depth + 1);
        }
}

static void apply_set(const char *name, bool allow, unsigned depth)
{
        int status;
        struct process *list = process_run(
                (const char *const[]){ "systemd-analyze", "syscall-filter", "--no-pager", name, NULL }, NULL, &status);

        if (status != 0 || depth > 5)
                give_up("systemd-analyze does not know %s", name);
        apply_lines(list->out.text, allow, depth);
        process_free(list);
}

/* One call, or a set of them. A name that libseccomp does not know on this machine is a call that it lacks. */
static void apply(const char *name, bool allow, unsigned depth)
{
        if (name[0] == '@') {
                apply_set(name, allow, depth);
                return;
        }
        int number = seccomp_syscall_resolve_name(name);
        if (number >= 0 && (size_t)number < ARRAY_SIZE(allowed))
                allowed[number] = allow;
}

/* Later lines count more, as systemd reads them; what every list begins with is @default. */
static void read_unit(char *text)
{
        char *rest = NULL, *words = NULL;

        apply("@default", true, 0);
        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                if (strncmp(line, FILTER_KEY, strlen(FILTER_KEY)) != 0)
                        continue;
                bool allow = line[strlen(FILTER_KEY)] != '~';
                char *list = line + strlen(FILTER_KEY) + !allow;
                for (char *word = strtok_r(list, " ", &words); word; word = strtok_r(NULL, " ", &words))
                        apply(word, allow, 0);
        }
}

static void build_from_unit(void)
{
        CLEANUP_FREE char *unit = read_file(source_path("packaging/sconced.service"));
        CLEANUP_FREE char *again = unit ? strdup(unit) : NULL;

        if (!unit || !again)
                give_up("the unit cannot be read");
        read_unit(unit);
        /* A filter of its own, after all the others. */
        if (strstr(again, "\nProtectClock=yes"))
                apply("@clock", false, 0);
}

static scmp_filter_ctx make_filter(void)
{
        scmp_filter_ctx made = seccomp_init(SCMP_ACT_ERRNO(EPERM));

        for (size_t i = 0; made && i < ARRAY_SIZE(allowed); i++)
                if (allowed[i] && seccomp_rule_add(made, SCMP_ACT_ALLOW, (int)i, 0) < 0)
                        give_up("no filter can be made for system call %zu", i);
        return made;
}

void sandbox_read(void)
{
        int status;

        if (filter)
                return;
        process_free(
                process_run((const char *const[]){ "sh", "-c", "command -v systemd-analyze", NULL }, NULL, &status));
        if (status != 0) {
                print_message("skipped: there is no systemd-analyze to resolve the unit's system-call filter\n");
                skip();
        }
        build_from_unit();
        filter = make_filter();
        apply("@clock", false, 0);
        without_clock = make_filter();
}

static int enter(scmp_filter_ctx chosen)
{
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_load(chosen) < 0 ? -1 : 0;
}

int sandbox_enter(void *userdata)
{
        (void)userdata;
        return enter(filter);
}

int sandbox_enter_without_clock(void *userdata)
{
        (void)userdata;
        return enter(without_clock);
}

#else

void sandbox_read(void)
{
        print_message("skipped: built without libseccomp\n");
        skip();
}

int sandbox_enter(void *userdata)
{
        (void)userdata;
        return -1;
}

int sandbox_enter_without_clock(void *userdata)
{
        (void)userdata;
        return -1;
}

#endif
