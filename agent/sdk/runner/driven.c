/* SPDX-License-Identifier: Apache-2.0 */
/* Commands, and all that can happen to a device in any order. */
#include <string.h>

#include "channel/channels.h"
#include "sdk/runner/runner.h"

#define COMMANDS   500
#define STEPS      1000
#define VALUES_MAX 32

struct writable {
        const struct sconce_channel *rows[VALUES_MAX];
        size_t count;
};

static void find_writable(const struct mock_host *host, struct writable *ret)
{
        const struct sconce_channel *row;

        *ret = (struct writable){ 0 };
        for (size_t i = 0; ret->count < VALUES_MAX && (row = mock_channel_at(host, i)); i++)
                if (channel_row_is_writable(row))
                        ret->rows[ret->count++] = row;
}

/* What was carried out shows in the state. */
static void check_reported(struct subject *subject, const struct mock_host *host, const struct sconce_command *command)
{
        for (size_t i = 0; i < command->count; i++) {
                const struct sconce_channel *row = NULL;
                for (size_t k = 0; (row = mock_channel_at(host, k)); k++)
                        if (strcmp(row->key, command->values[i].channel) == 0)
                                break;
                if (!row || !kind_get(row->kind)->has_state || (row->flags & SCONCE_COMMAND_ONLY))
                        continue;
                if (!mock_value(host, row->key))
                        complain(subject, "a command for channel %s was carried out, and %s never reported", row->key,
                                 row->key);
        }
}

static int carry_out(struct subject *subject, struct mock_host *host, const struct sconce_command *command)
{
        int r = trial_command(subject, host, command);

        if (r == 0)
                check_reported(subject, host, command);
        return r;
}

/* Each channel at its bounds, once as a client's command and once as the agent's. Returns how many were carried out. */
static unsigned edges_of_all(struct subject *subject, struct mock_host *host, const struct writable *writable,
                             int *last)
{
        struct sconce_value value;
        unsigned done = 0;

        for (size_t i = 0; i < writable->count; i++) {
                if (writable->rows[i]->flags & SCONCE_COMMAND_ONLY)
                        continue;
                for (unsigned nth = 0; channel_sample(writable->rows[i], nth, &value); nth++) {
                        for (uint32_t flags = 0; flags <= SCONCE_COMMAND_NOW; flags++) {
                                int r = carry_out(
                                        subject, host,
                                        &(const struct sconce_command){ .count = 1, .values = &value, .flags = flags });
                                done += r == 0;
                                *last = r < 0 ? r : *last;
                                /* Interlocks let go, pulses end. */
                                trial_advance(subject, host, 60000000);
                        }
                }
        }
        return done;
}

/* Some of the channels, each once, at least one of them with a state or a button's. */
static int random_command(struct subject *subject, struct mock_host *host, const struct writable *writable)
{
        struct sconce_value values[VALUES_MAX];
        size_t count = 0;
        bool is_whole = false;

        for (size_t i = 0; i < writable->count; i++) {
                if (random_below(subject, 2))
                        continue;
                values[count++] = channel_random(subject, writable->rows[i]);
                is_whole = is_whole || !(writable->rows[i]->flags & SCONCE_COMMAND_ONLY);
        }
        if (!is_whole)
                return 0;
        return carry_out(subject, host,
                         &(const struct sconce_command){ .count = count,
                                                         .values = values,
                                                         .flags = random_below(subject, 4) ? 0 : SCONCE_COMMAND_NOW });
}

void check_commands(struct subject *subject)
{
        struct mock_host *host = trial_running(subject);
        struct writable writable;
        char text[400];
        int last = 0;

        if (!host)
                return;
        find_writable(host, &writable);
        if (writable.count == 0) {
                skip_check(subject, "it has no channel that is written");
        } else {
                if (edges_of_all(subject, host, &writable, &last) == 0)
                        complain(subject, "no command was carried out: %s", trial_reason(host, last, text));
                for (unsigned i = 0; i < COMMANDS; i++) {
                        (void)random_command(subject, host, &writable);
                        trial_advance(subject, host, random_below(subject, 3000000));
                }
        }
        trial_end(subject, host);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static void step(struct subject *subject, struct mock_host *host, const struct writable *writable)
{
        switch (random_below(subject, 8)) {
        case 0:
                if (mock_plugin(host)->read)
                        (void)trial_read(subject, host);
                break;
        case 1:
                trial_stop(subject, host);
                (void)trial_start(subject, host);
                break;
        case 2:
                mock_stall_us(host, random_below(subject, 5000000));
                break;
        case 3:
        case 4:
                (void)random_command(subject, host, writable);
                break;
        case 5:
                trial_edges(subject, host);
                break;
        default:
                /* From microseconds to minutes. */
                trial_advance(subject, host, (uint64_t)random_below(subject, 1000000) << random_below(subject, 8));
        }
}

void check_lives(struct subject *subject)
{
        struct mock_host *host = trial_running(subject);
        struct writable writable;

        if (!host)
                return;
        find_writable(host, &writable);
        for (unsigned i = 0; i < STEPS; i++)
                step(subject, host, &writable);
        trial_end(subject, host);
}

/* ---- failures ------------------------------------------------------------------------------------------ */

#define CALLS_MAX 200

/* A short life, the same each time. */
static int scenario(struct subject *subject, struct mock_host *host)
{
        struct writable writable;
        struct sconce_value value;
        int r = trial_start(subject, host);

        if (r < 0)
                return r;
        find_writable(host, &writable);
        for (size_t i = 0; i < writable.count; i++)
                if (!(writable.rows[i]->flags & SCONCE_COMMAND_ONLY) && channel_sample(writable.rows[i], 0, &value))
                        (void)trial_value(subject, host, &value);
        if (mock_plugin(host)->read)
                (void)trial_read(subject, host);
        trial_edges(subject, host);
        trial_advance(subject, host, 2000000);
        trial_stop(subject, host);
        return 0;
}

/* The nth call fails; afterwards all is well, and so the device must be. */
static void fail_once(struct subject *subject, unsigned nth, int error)
{
        struct mock_host *host = trial_new(subject);
        char text[400], name[32];

        mock_fail_call(host, nth, error);
        (void)scenario(subject, host);
        trial_stop(subject, host);
        mock_fail_call(host, 0, 0);
        int r = trial_start(subject, host);
        fault_code_name(error, name);
        if (r < 0)
                complain(subject, "after call %u of the host failed with %s, start fails for good: %s", nth, name,
                         trial_reason(host, r, text));
        trial_end(subject, host);
}

void check_failures(struct subject *subject)
{
        static const int errors[] = { -EBUSY, -EIO };
        struct mock_host *host = trial_running(subject);

        if (!host)
                return;
        trial_stop(subject, host);
        unsigned before = mock_calls(host);
        (void)scenario(subject, host);
        unsigned calls = MIN(mock_calls(host) - before, CALLS_MAX);
        trial_end(subject, host);
        if (calls == 0)
                skip_check(subject, "it calls nothing that can fail");
        for (unsigned nth = 1; nth <= calls; nth++)
                for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
                        fail_once(subject, nth, errors[i]);
}
