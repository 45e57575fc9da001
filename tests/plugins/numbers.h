/* SPDX-License-Identifier: Apache-2.0 */
/* What the plugin `numbers` asks of the program that loads it: dlsym(plugin, "numbers_source"). */
#pragma once

struct numbers_source {
        unsigned (*reading)(unsigned series); /* the next one's number */
        int (*event)(unsigned series);        /* the next one's number; negative: none now */
};

extern struct numbers_source numbers_source;
