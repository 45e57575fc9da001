/* SPDX-License-Identifier: Apache-2.0 */
/* Other files of the machine for one child process: needs root (a mount namespace of its own), or the test is skipped. */
#pragma once

#define OVERRIDE_NAMES "to replace /etc/hosts and /etc/resolv.conf for one process"

/* Skips without root: "needs root WHAT_FOR". */
void override_needs_root(const char *what_for);

/* For process_options.prepare: /etc/hosts, /etc/resolv.conf, /etc/group and /etc/passwd are then the work directory's
 * "hosts", "resolv.conf", "group" and "passwd", where these are there. Writing them in place changes what the child sees. */
int override_names(void *userdata);
