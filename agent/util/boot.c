/* SPDX-License-Identifier: Apache-2.0 */
#include "util/boot.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "util/cleanup.h"
#include "util/text.h"

const char *clock_boot_id(void)
{
        static char id[37];

        if (id[0])
                return id;

        CLEANUP_FILE FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
        if (file && fgets(id, sizeof(id), file) && strlen(id) == 36)
                return id;

        unsigned char random[16];
        (void)!getrandom(random, sizeof(random), 0);
        text_hex(random, sizeof(random), id);
        return id;
}
