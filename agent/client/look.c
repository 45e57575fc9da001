/* SPDX-License-Identifier: Apache-2.0 */
#include "client/look.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"

/* For brokers that send retained messages some time after they have granted the subscription. */
#define RETAINED_GRACE_US (500 * USEC_PER_MSEC)

void look_clear(struct look *look)
{
        for (size_t i = 0; i < look->count; i++)
                free(look->filters[i]);
        free(look->filters);
        *look = (struct look){ 0 };
}

void look_finish(void *userdata)
{
        struct client *client = userdata;
        client_step then = client->look.then;

        timer_disarm(client->grace);
        timer_disarm(client->deadline);
        look_clear(&client->look);
        then(client);
}

void look_check(struct client *client)
{
        struct look *look = &client->look;

        if (!look->then || !look->answered || client->ending)
                return;
        if (look->complete(client))
                look_finish(client);
        else if (!timer_armed(client->grace))
                timer_arm(client->grace, RETAINED_GRACE_US);
}

static void look_next(struct client *client)
{
        struct look *look = &client->look;

        if (look->next == look->count) {
                look->answered = true;
                look_check(client);
                return;
        }
        int r = session_subscribe(client->session, look->filters[look->next++], 0, &look->id);
        if (r < 0)
                client_fail(client, EXIT_NO_ANSWER, "cannot subscribe: %s", strerror(-r));
}

static void on_look_late(struct client *client)
{
        client_fail(client, EXIT_NO_ANSWER, "the broker answered no subscription in time");
}

/* The last filter marks the end of what the others bring. It is where answers come; a command that wants none keeps to
 * the topics that it is about, which may be all that it has rights to. */
static int set_filters(struct client *client, const json_t *suffixes)
{
        struct look *look = &client->look;
        const char *first = json_string_value(json_array_get(suffixes, 0));
        size_t index;
        json_t *suffix;

        look->filters = calloc(json_array_size(suffixes) + 1, sizeof(*look->filters));
        if (!first || !look->filters)
                return -ENOMEM;
        json_array_foreach(suffixes, index, suffix)
                look->filters[look->count++] = client_topic(client, json_string_value(suffix));
        look->filters[look->count++] = client->arguments->command->unanswered ? client_topic(client, first)
                                                                              : strdup(client->reply_topic);
        for (size_t i = 0; i < look->count; i++)
                if (!look->filters[i])
                        return -ENOMEM;
        return 0;
}

void client_look(struct client *client, json_t *suffixes, bool (*complete)(const struct client *client),
                 client_step then)
{
        client->look = (struct look){ .complete = complete, .then = then };
        int r = set_filters(client, suffixes);
        json_decref(suffixes);
        if (r < 0) {
                client_fail(client, EXIT_REFUSED, "out of memory");
                return;
        }
        client_wait(client, on_look_late);
        look_next(client);
}

void look_subscribed(struct client *client, int id)
{
        if (client->look.then && client->look.id == id)
                look_next(client);
}

const char *look_filter(const struct client *client, int id)
{
        const struct look *look = &client->look;
        return look->then && look->id == id ? look->filters[look->next - 1] : "these topics";
}
