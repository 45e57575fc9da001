/* SPDX-License-Identifier: Apache-2.0 */
/* Other name look-up files for one child process: needs root (a mount namespace of its own), or the test is skipped. */
#pragma once

void override_needs_root(void);

/* For process_options.prepare: /etc/hosts and /etc/resolv.conf are then the work directory's "hosts" and
 * "resolv.conf", where these are there. Writing them in place changes what the child sees. */
int override_names(void *userdata);
