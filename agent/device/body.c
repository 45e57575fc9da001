/* SPDX-License-Identifier: Apache-2.0 */
#include "device/body.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int body_new(struct blueprint *blueprint, const char *id, struct body **ret)
{
        CLEANUP_BODY struct body *body = calloc(1, sizeof(*body));

        if (!body)
                return -ENOMEM;
        body->pristine = calloc(1, blueprint->plugin->table.instance_size + 1);
        if (!body->pristine)
                return -ENOMEM;
        (void)snprintf(body->id, sizeof(body->id), "%s", id);
        body->calls = blueprint->plugin->table;
        body->work.body = body->end.body = body;
        body->blueprint = blueprint;
        *ret = TAKE_PTR(body);
        return 0;
}

void body_free(struct body *body)
{
        if (!body)
                return;
        blueprint_free(body->blueprint);
        free(body->pristine);
        free(body);
}

static int body_start(struct body *body)
{
        memcpy(body->blueprint->instance, body->pristine, body->calls.instance_size);
        int r = body->calls.start(&body->handle, body->blueprint->instance);
        body->is_started = r >= 0;
        return r;
}

int body_run(struct body *body, enum job job, const struct sconce_command *command)
{
        void *instance = body->blueprint->instance;

        switch (job) {
        case JOB_START:
                return body_start(body);
        case JOB_READ:
                return body->calls.read ? body->calls.read(&body->handle, instance) : 0;
        case JOB_COMMAND:
                return body->calls.command ? body->calls.command(&body->handle, instance, command) : -ENOTSUP;
        case JOB_STOP:
                if (body->is_started && body->calls.stop)
                        body->calls.stop(&body->handle, instance);
                body->is_started = false;
                return 0;
        }
        return -EINVAL;
}
