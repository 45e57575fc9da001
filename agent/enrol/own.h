/* SPDX-License-Identifier: Apache-2.0 */
/* What our own certificate says of itself, and when it is time for the next one. */
#pragma once

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "enrol/request.h"
#include "util/fault.h"

#define OWN_NAME_MAX 256

struct own {
        X509 *certificate;
        char name[OWN_NAME_MAX]; /* its CN; "": none */
        char serial[REQUEST_SERIAL_MAX];
        int64_t from_s, until_s; /* since 1970 */
};

int own_read(const char *path, struct own *ret, struct fault *fault) MUST_CHECK;
void own_done(struct own *own);

/* Two thirds of its life: what is left is for trying again. */
/* Two thirds of a life: when what ends then is to be another. */
int64_t own_due_s(int64_t from_s, int64_t until_s);
int64_t own_renew_at_s(const struct own *own);
/* Rounded down: -1 from the first second on that it has ended. */
long own_days_left(const struct own *own, int64_t now_s);

/* What is left when a person has to know that renewing does not work. */
#define OWN_WARN_DAYS 14
/* "the certificate ends in 9 days, and renewing it does not work: REASON". */
#define OWN_PROBLEM_MAX 512
void own_problem(const struct own *own, int64_t now_s, const char *reason, char ret[static OWN_PROBLEM_MAX]);
