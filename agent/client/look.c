/* SPDX-License-Identifier: Apache-2.0 */
#include "client/look.h"

#include <errno.h>
#include <stdio.h>
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

static void look_done(struct client *client)
{
        client_step then = client->look.then;

        timer_disarm(client->grace);
        timer_disarm(client->deadline);
        look_clear(&client->look);
        then(client);
}

void look_on_grace(void *userdata)
{
        look_done(userdata);
}

void look_check(struct client *client)
{
        struct look *look = &client->look;

        if (!look->then || !look->answered || client->ending)
                return;
        if (look->complete(client))
                look_done(client);
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
static int set_filters(struct client *client, const char *const *suffixes)
{
        struct look *look = &client->look;
        const char *first = suffixes[0];
        size_t count = 0;

        while (suffixes[count])
                count++;
        look->filters = calloc(count + 1, sizeof(*look->filters));
        if (!look->filters)
                return -ENOMEM;
        for (; *suffixes; suffixes++, look->count++) {
                if (asprintf(&look->filters[look->count], "%s/%s", client->home.base, *suffixes) < 0) {
                        look->filters[look->count] = NULL;
                        return -ENOMEM;
                }
        }
        if (!client->arguments->command->unanswered)
                look->filters[look->count] = strdup(client->reply_topic);
        else if (asprintf(&look->filters[look->count], "%s/%s", client->home.base, first) < 0)
                look->filters[look->count] = NULL;
        return look->filters[look->count++] ? 0 : -ENOMEM;
}

void client_look(struct client *client, const char *const *suffixes, bool (*complete)(const struct client *client),
                 client_step then)
{
        client->look = (struct look){ .complete = complete, .then = then };
        if (set_filters(client, suffixes) < 0) {
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
