/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what lies in DIR of sconce-pki agrees: registry, list of revoked certificates, access list, what was issued. */
#pragma once

#include <stdbool.h>

struct pki_state {
        char shape[4096]; /* what has been done, without serials and times: the same commands lead to the same one */
        char wrong[512];  /* what does not agree; "": all does */
};

/* Nothing may be left to be put in place. */
void pki_state_read(const char *dir, struct pki_state *ret);
