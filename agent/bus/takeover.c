/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/takeover.h"

#include <errno.h>

#include "util/macro.h"

bool takeover_ended(struct takeover *takeover, const struct transport_end *end, uint64_t lived_us, struct fault *fault)
{
        bool short_life = reason_is_hang_up(end) && lived_us < TAKEOVER_SHORT_US;

        takeover->short_lives = short_life ? takeover->short_lives + 1 : 0;
        takeover->unacknowledged = short_life && end->unacknowledged > 0 ? takeover->unacknowledged + 1 : 0;
        if (reason_is_taken_over(end))
                return true;
        if (takeover->short_lives < TAKEOVER_SHORT_LIVES)
                return false;
        if (takeover->unacknowledged >= TAKEOVER_SHORT_LIVES)
                (void)fault_set(
                        fault, -EACCES,
                        "the broker closed the connection %u times in a row instead of acknowledging what we "
                        "sent: does it not permit what we publish (its access list), or is a message too large for it?",
                        takeover->short_lives);
        else if (end->client_id)
                (void)fault_set(fault, -EADDRINUSE,
                                "the broker closed the connection %u times in a row soon after it was set up: does "
                                "another client use the client id \"%s\" (two nodes of one name)?",
                                takeover->short_lives, end->client_id);
        else
                (void)fault_set(fault, -EADDRINUSE,
                                "the broker closed the connection %u times in a row soon after it was set up: does "
                                "another client use our client id (two nodes of one name, with one key)?",
                                takeover->short_lives);
        return true;
}
