/* SPDX-License-Identifier: Apache-2.0 */
/* What is published. */
#include <stdio.h>
#include <string.h>

#include "sim/law.h"
#include "sim/laws.h"
#include "sim/session.h"

void laws_published(const struct message *message, int id)
{
        bool is_masked = strcmp(message->topic, "sconce/" NODE "/node/state") == 0; /* it has the process's memory */

        trace("publish %s %.*s", message->topic, is_masked ? 0 : (int)message->size, message->payload);
        history_law_arrived(message, id);
}

static bool is_quiet(void)
{
        const struct laws *laws = &world->laws;
        uint64_t since_us, quiet_us = world->now_us - USEC_PER_SEC;

        if (laws->context != CONTEXT_NONE || !session_stands(&since_us) || !world->broker.is_connected ||
            since_us > world->now_us - 5 * USEC_PER_SEC || world->broker.n_up > 0 || laws->reload_us > quiet_us)
                return false;
        FOR_EACH_OUTPUT(i)
        if (law_at(i)->on_us > quiet_us || law_at(i)->off_us > quiet_us)
                return false;
        return true;
}

static void judge_state(size_t i)
{
        const struct output *output = output_at(i);
        const char *word = output->part == PART_UP ? "opening" : output->part == PART_DOWN ? "closing" : "ON";
        char topic[96], wanted[32];

        (void)snprintf(topic, sizeof(topic), "sconce/" NODE "/%s/state", output->id);
        (void)snprintf(wanted, sizeof(wanted), "\"state\":\"%s\"", word);
        const struct retained_message *kept = broker_retained(topic);
        if (!kept)
                violated("state", "%s has no state", output->id);
        if (!strstr(kept->payload, wanted) != !law_at(i)->on)
                violated("state", "%s GPIO%u is %s, and its state is %s", output->id, output->line,
                         law_at(i)->on ? "on" : "off", kept->payload);
}

static void judge_kept(size_t i)
{
        const struct output *output = output_at(i);

        if (world->stored.is_there && output->part == PART_PLAIN && output->on_exit == WISH_KEEP &&
            !house_is_timed(output) && !(law_at(i)->on && law_at(i)->end_us > 0) && !fd_store_has(output->line))
                violated("fd store", "%s GPIO%u is to be kept, and systemd does not hold it", output->id, output->line);
}

void laws_settled(void)
{
        history_law_settled();
        if (!is_quiet())
                return;
        world->laws.n_settled++;
        FOR_EACH_OUTPUT(i)
        {
                judge_state(i);
                judge_kept(i);
        }
        const struct retained_message *status = broker_retained("sconce/" NODE "/status");
        if (!status || strcmp(status->payload, "online") != 0)
                violated("state", "the node is there, and its status is %s", status ? status->payload : "not");
}
