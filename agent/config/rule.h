/* SPDX-License-Identifier: Apache-2.0 */
/* The section [rule NAME] as a struct: its texts as they were written. What they mean is device/'s business. */
#pragma once

#include <stdio.h>

#include "config/options.h"

struct rule_settings {
        struct sconce_list when, conditions, then, cancel; /* of const char * */
        uint64_t delay_us;                                 /* 0: none */
        bool at_start;
};

/* Ends with an empty row. */
extern const struct sconce_option rule_rows[];

/* True for a section [rule NAME]. */
bool section_is_rule(const struct config_section *section);

/* As options_read(). */
int rule_settings_read(const struct config_section *section, struct option_store *store, struct problems *problems,
                       struct rule_settings *ret) MUST_CHECK;

/* The rules for --dump-config: see options_dump(). */
void rules_dump(FILE *out, const struct config *config);
