/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to a request for trends, as JSON: docs/topics.md shows it. */
#pragma once

#include "channel/channels.h"
#include "util/json.h"

struct trend_request;

/* {"ok":true,"device":…,"trend":"24h","start":…,"step_s":300,"channels":{"KEY":{"unit":…,"min":[…],…},…}} */
void course_write(const char *device, const struct channels *channels, const struct trend_request *request,
                  struct json_text *out);
