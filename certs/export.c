/* SPDX-License-Identifier: Apache-2.0 */
/* sconce-pki export: what another kind of broker needs, on standard output. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "rabbitmq.h"
#include "util/cleanup.h"

int command_export(const struct command_line *line)
{
        struct transaction transaction = transaction_of(line);
        CLEANUP_FREE char *text = NULL;
        struct fault fault = { 0 };

        if (line->count != 1 || strcmp(line->words[0], "rabbitmq") != 0)
                return misused("export needs one word, what for: rabbitmq");
        int r = transaction_begin_reading(&transaction, &fault);
        if (r == 0)
                r = rabbitmq_definitions(transaction.registry, &text, &fault);
        transaction_end(&transaction);
        if (r == 0 && (puts(text) < 0 || fflush(stdout) != 0))
                r = fault_set(&fault, -EIO, "the definitions could not be written: %s", strerror(errno));
        return r < 0 ? failed(&fault) : EXIT_DONE;
}
