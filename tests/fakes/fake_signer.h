/* SPDX-License-Identifier: Apache-2.0 */
/* What a signer answers to a request that came with a code: anything that a test wants. */
#pragma once

#include "enrol/code.h"
#include "fakes/fake_authority.h"

struct fake_offer {
        const char *error; /* and nothing else; NULL: it signs */
        const char *name, *kind, *url;
        long serial;
};

/* The sealed answer; free() it. Fails the test where the request is not one that came with the code. */
char *fake_signer_answer(const struct fake_authority *authority, const struct code *code, const void *request,
                         size_t size, const struct fake_offer *offer);
