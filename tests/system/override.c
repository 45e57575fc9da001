/* SPDX-License-Identifier: Apache-2.0 */
#include "system/override.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "system/workdir.h"
#include "util/macro.h"

void override_needs_root(const char *what_for)
{
        if (geteuid() == 0)
                return;
        print_message("skipped: needs root %s\n", what_for);
        skip();
}

int override_names(void *userdata)
{
        static const char *const names[] = { "hosts", "resolv.conf", "group", "passwd" };

        (void)userdata;
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
                perror("cannot make a mount namespace");
                return -1;
        }
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                char target[64];
                const char *ours = work_path("%s", names[i]);

                (void)snprintf(target, sizeof(target), "/etc/%s", names[i]);
                if (access(ours, F_OK) == 0 && mount(ours, target, NULL, MS_BIND, NULL) < 0) {
                        perror(target);
                        return -1;
                }
        }
        return 0;
}
