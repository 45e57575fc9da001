/* SPDX-License-Identifier: Apache-2.0 */
#include "device/instance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/starts.h"

int instance_new(struct device_config *config, const char *id, struct instance **ret)
{
        CLEANUP_INSTANCE struct instance *instance = calloc(1, sizeof(*instance));

        if (!instance)
                return -ENOMEM;
        instance->pristine = calloc(1, config->plugin->table.instance_size + 1);
        if (!instance->pristine)
                return -ENOMEM;
        (void)snprintf(instance->id, sizeof(instance->id), "%s", id);
        instance->calls = config->plugin->table;
        instance->work.instance = instance->end.instance = instance;
        instance->config = config;
        *ret = TAKE_PTR(instance);
        return 0;
}

void instance_free(struct instance *instance)
{
        if (!instance)
                return;
        start_mark_end(instance->mark, false);
        device_config_free(instance->config);
        free(instance->work.last_error);
        free(instance->end.last_error);
        free(instance->pristine);
        free(instance);
}

static int start(struct instance *instance)
{
        memcpy(instance->config->data, instance->pristine, instance->calls.instance_size);
        int r = instance->calls.start(&instance->handle, instance->config->data);
        instance->is_started = r >= 0;
        return r;
}

static int run(struct instance *instance, enum job job, const struct sconce_command *command)
{
        void *data = instance->config->data;

        switch (job) {
        case JOB_START:
                return start(instance);
        case JOB_READ:
                return instance->calls.read ? instance->calls.read(&instance->handle, data) : 0;
        case JOB_COMMAND:
                return instance->calls.command ? instance->calls.command(&instance->handle, data, command) : -ENOTSUP;
        case JOB_STOP:
                if (instance->is_started && instance->calls.stop)
                        instance->calls.stop(&instance->handle, data);
                instance->is_started = false;
                return 0;
        }
        return -EINVAL;
}

int instance_run(struct instance *instance, enum job job, const struct sconce_command *command)
{
        struct start_mark *before = start_mark_enter(instance->mark);
        int r = run(instance, job, command);

        (void)start_mark_enter(before);
        return r;
}
