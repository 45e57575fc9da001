/* SPDX-License-Identifier: Apache-2.0 */
/* A link that can be taken down: two network namespaces of a test's own, joined by a pair of virtual interfaces. */
#pragma once

#include <stdbool.h>

#define VETH_ADDRESS "10.99.0.1" /* the near end's */

/* Moves this program into the near namespace, before it has opened a socket. False: it may not, and nothing has changed. */
bool veth_make(void);
int veth_enter(void *userdata); /* a process's `prepare`: at the far end */
void veth_set(bool up);
