/* SPDX-License-Identifier: Apache-2.0 */
/* The topics on which machines and the signer speak. IDENTITY is who the broker takes a machine for: in a join the
 * invitation's, in a renewal the certificate's name. Anyone who asks subscribes to the answer before. */
#pragma once

#include <stdbool.h>

#include "util/macro.h"

enum enrol_topic {
        ENROL_REQUEST, /* sconce-pki/IDENTITY/request */
        ENROL_ANSWER,  /* sconce-pki/IDENTITY/answer */
        ENROL_TRUST,   /* sconce-pki/trust, retained: the authorities and the revocation lists in force */
};

#define ENROL_TOPIC_MAX 320
#define ENROL_ANYONE    "+" /* for the signer's subscription */

/* `identity` counts for the first two. -EINVAL: it cannot be a level of a topic. */
int enrol_topic(enum enrol_topic topic, const char *identity, char ret[static ENROL_TOPIC_MAX]) MUST_CHECK;
/* Whose request or answer it is: points into `topic` and is not terminated; its length, or -EINVAL for any other topic. */
int enrol_topic_identity(enum enrol_topic topic, const char *text, const char **ret_identity) MUST_CHECK;
bool enrol_topic_is_trust(const char *text);
