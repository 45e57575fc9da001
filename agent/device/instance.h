/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plugin holds of a device: the handle, the instance, and all that a callback touches. A blocking device's
 * instance belongs to the thread's jobs and may outlive the device.
 */
#pragma once

#include "plugin/device_config.h"

#define DEVICE_ID_MAX 64

struct request;
struct device;
struct worker;
struct start_mark;

enum job {
        JOB_START,
        JOB_READ,
        JOB_COMMAND,
        JOB_STOP, /* and the instance is done with */
};

struct job_item {
        struct job_item *next;
        struct instance *instance;
        enum job job;
        struct request *request; /* JOB_COMMAND */
        int r;
        char *last_error; /* sconce_error(); NULL: none, or no memory for it */
};

struct instance {
        struct sconce_device handle;
        char id[DEVICE_ID_MAX + 1];
        struct device *device; /* for the event loop alone */
        struct worker *worker; /* NULL: runs on the event loop */
        uint64_t serial;
        struct sconce_plugin calls; /* the plugin's callbacks; the agent's copy of the plugin may be gone before them */
        struct device_config *config;
        struct start_mark *mark;   /* device.c: while it starts; NULL: it does not, or there is no room to mark it */
        void *pristine;            /* the instance as `configure` left it */
        bool is_started;           /* `start` has succeeded; for the side that runs callbacks */
        struct job_item work, end; /* a job at a time, and the last one: stopping needs no memory */
};

/* Takes the config over. */
int instance_new(struct device_config *config, const char *id, struct instance **ret) MUST_CHECK;
void instance_free(struct instance *instance);

/* Runs one callback, on whichever thread this is. */
int instance_run(struct instance *instance, enum job job, const struct sconce_command *command);

DEFINE_CLEANUP(struct instance, instance_free);
#define CLEANUP_INSTANCE CLEANUP(instance_freep)
