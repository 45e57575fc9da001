/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of one name: the first has it as its CN, and from the second time on that the name was issued after a
 * revocation it is NAME.2, NAME.3 and so on: no right of the name is one of the revoked certificates. */
#pragma once

#include <stddef.h>

#define IDENTITY_NAME_MAX 256

/* The name that a CN stands for, "hall" for "hall.2"; any other CN as it is. NULL stays NULL. */
const char *identity_name(const char *cn, char name[static IDENTITY_NAME_MAX]);
