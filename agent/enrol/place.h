/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts files in place all together or not at all, as far as a file system allows: each is written beside its place, with owner
 * and mode, and read back; then renames, which need no room, take them into use. What fails before leaves all as it was.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "util/cleanup.h"
#include "util/fault.h"

#define PLACE_FILES_MAX 6

struct place {
        char directory[PATH_MAX - 128];
        bool has_owner; /* of what is written: the two below */
        uid_t uid;
        gid_t gid;
        bool is_locked;
        int lock;
        char *beside[PLACE_FILES_MAX], *final[PLACE_FILES_MAX];
        size_t count;
};

/* What a machine has been given. */
struct place_material {
        const char *name, *url; /* url NULL or "": no broker is known */
        const char *certificate_pem, *ca_pem, *crl_pem;
};

/* Makes place->directory, or the one that is BELOW it ("" for none), with what is above it. */
int place_make_directory(const struct place *place, const char *below, mode_t mode, struct fault *fault) MUST_CHECK;
/* Keeps others who replace certificates out of the directory BELOW, until place_all() or place_done(). -EBUSY: one is there. */
int place_lock(struct place *place, const char *below, struct fault *fault) MUST_CHECK;
/* AT is below the directory, and does not change until place_all(). */
int place_prepare(struct place *place, const char *at, const char *text, mode_t mode, struct fault *fault) MUST_CHECK;
/* Takes all that was prepared into use, in the order in which it was. */
int place_all(struct place *place, struct fault *fault) MUST_CHECK;
/* Removes what was prepared and is not in use. */
void place_done(struct place *place);
