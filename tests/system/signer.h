/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A broker with a door for invitations, and a signer of the test's own behind it, which answers what the test wants: what no
 * honest signer answers. It also hears everything that passes.
 */
#pragma once

#include "fakes/fake_signer.h"
#include "system/broker.h"
#include "system/client.h"

#define SIGNER_CODES_MAX 16

struct signer {
        struct broker *broker;
        struct client *client;
        struct fake_authority authority; /* the PKI's own */
        struct code codes[SIGNER_CODES_MAX];
        size_t count;
};

/* The broker knows `count` codes, of the name that signer_code() gives them. */
void signer_open(struct signer *signer, const char *pki, size_t count);

/* The text of the next code that was not used. */
const char *signer_code(struct signer *signer, const char *name);

/* Waits for the request that comes with the last code, and answers it. */
void signer_answer(struct signer *signer, const struct fake_offer *offer);
const char *signer_request_topic(const struct signer *signer); /* of the last code */
