/* SPDX-License-Identifier: Apache-2.0 */
/* Actions on devices of other nodes. What such a device takes is not known here; how it is written, is. */
#pragma once

#include "rule/text.h"

/* `own_node` NULL: that is not known. -EINVAL with one sentence. */
int distant_check(const struct rule_words *words, const char *own_node, struct fault *fault) MUST_CHECK;
