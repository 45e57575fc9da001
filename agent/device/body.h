/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plugin holds of a device: the handle, the instance, and whatever a callback touches. On the event
 * loop it is a part of its device; a blocking device's body belongs to the thread's jobs and may outlive the
 * device.
 */
#pragma once

#include "device/blueprint.h"

#define DEVICE_ID_MAX 64

struct call;
struct device;
struct worker;

enum job {
        JOB_START,
        JOB_READ,
        JOB_COMMAND,
        JOB_STOP, /* and the body is done with */
};

struct job_item {
        struct job_item *next;
        struct body *body;
        enum job job;
        struct call *call; /* JOB_COMMAND */
        int r;
        char said[sizeof(((struct fault *)0)->text)]; /* sconce_error() */
};

struct body {
        struct sconce_device handle;
        char id[DEVICE_ID_MAX + 1];
        struct device *device; /* for the event loop alone */
        struct worker *worker; /* NULL: runs on the event loop */
        uint64_t serial;
        struct sconce_plugin
                calls; /* the plugin's callbacks; the agent's copy of the plugin may be gone before them */
        struct blueprint *blueprint;
        void *pristine;            /* the instance as `configure` left it */
        bool is_started;           /* `start` has succeeded; for the side that runs callbacks */
        struct job_item work, end; /* a job at a time, and the last one: stopping needs no memory */
};

/* Takes the blueprint over. */
int body_new(struct blueprint *blueprint, const char *id, struct body **ret) MUST_CHECK;
void body_free(struct body *body);

/* Runs one callback, on whichever thread this is. */
int body_run(struct body *body, enum job job, const struct sconce_command *command);

DEFINE_CLEANUP(struct body, body_free);
#define CLEANUP_BODY CLEANUP(body_freep)
