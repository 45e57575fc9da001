/* SPDX-License-Identifier: Apache-2.0 */
/* The files that brokers, nodes and people read: each is written beside, synced, renamed into place, and read back, with
 * its owner and mode. */
#pragma once

#include "registry.h"

/* Writes all that the registry has for the world beside where it is to be, and reads it back. What fails here has changed
 * nothing, and what follows needs no room any more. */
int outside_prepare(struct registry *registry, struct fault *fault) MUST_CHECK;
/* Takes it into use, written again where a run was cut short in between; what is in place is forgotten. */
int outside_publish(struct registry *registry, struct fault *fault) MUST_CHECK;
/* One that stands in no transaction. */
int outside_write(const struct outside_file *file, struct fault *fault) MUST_CHECK;
/* Whether the file there is that one, with the owner and mode that its use wants. */
bool outside_is(const struct outside_file *file);
