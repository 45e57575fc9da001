/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A blocking call of sd-bus waits for a minute and a half where the bus accepts a connection and does not answer, as while
 * the machine goes down; a stop must not. So the calls are asynchronous, and all of them together have one deadline.
 */
#include "service_job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

#define SYSTEMD "org.freedesktop.systemd1"
#define WAIT_US (2 * USEC_PER_SEC)

struct answer {
        sd_bus_message *message; /* NULL: it is not there yet */
};

static void answer_done(struct answer *answer)
{
        sd_bus_message_unref(answer->message);
}

static int on_answer(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        (void)error;
        ((struct answer *)userdata)->message = sd_bus_message_ref(message);
        return 0;
}

static uint64_t now_us(void)
{
        return clock_monotonic_ns() / NSEC_PER_USEC;
}

static int wait_for(sd_bus *bus, const struct answer *answer, uint64_t until_us)
{
        while (!answer->message) {
                uint64_t at_us = now_us();
                int r = at_us < until_us ? sd_bus_process(bus, NULL) : -ETIMEDOUT;
                if (r == 0)
                        r = sd_bus_wait(bus, until_us - at_us);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_is_method_error(answer->message, NULL) ? -sd_bus_message_get_errno(answer->message) : 0;
}

/* A property of one of systemd's objects: a variant. */
static int get(sd_bus *bus, const char *path, const char *interface, const char *property, uint64_t until_us,
               struct answer *ret)
{
        CLEANUP(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;

        int r = sd_bus_call_method_async(bus, &slot, SYSTEMD, path, "org.freedesktop.DBus.Properties", "Get", on_answer,
                                         ret, "ss", interface, property);
        return r < 0 ? r : wait_for(bus, ret, until_us);
}

/* Not sd_pid_get_unit(): that looks at process 1 too, which ProtectProc= hides from the service. */
static int unit_path_of(sd_bus *bus, pid_t pid, uint64_t until_us, char **ret)
{
        CLEANUP(answer_done) struct answer answer = { 0 };
        CLEANUP(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        const char *path;

        int r = sd_bus_call_method_async(bus, &slot, SYSTEMD, "/org/freedesktop/systemd1", SYSTEMD ".Manager",
                                         "GetUnitByPID", on_answer, &answer, "u", (uint32_t)pid);
        if (r >= 0)
                r = wait_for(bus, &answer, until_us);
        if (r >= 0)
                r = sd_bus_message_read(answer.message, "o", &path);
        if (r < 0)
                return r;
        *ret = strdup(path);
        return *ret ? 0 : -ENOMEM;
}

/* A number and a path; without a job these are 0 and "/". */
static int job_path(sd_bus *bus, const char *unit_path, uint64_t until_us, char **ret)
{
        CLEANUP(answer_done) struct answer answer = { 0 };
        const char *path;
        uint32_t id;

        int r = get(bus, unit_path, SYSTEMD ".Unit", "Job", until_us, &answer);
        if (r >= 0)
                r = sd_bus_message_read(answer.message, "v", "(uo)", &id, &path);
        if (r < 0)
                return r;
        if (id == 0)
                return -ENOENT;
        *ret = strdup(path);
        return *ret ? 0 : -ENOMEM;
}

int service_job_type(sd_bus *bus, pid_t pid, char **ret)
{
        CLEANUP(answer_done) struct answer answer = { 0 };
        CLEANUP_FREE char *unit_path = NULL, *path = NULL;
        const uint64_t until_us = now_us() + WAIT_US;
        const char *type;

        int r = unit_path_of(bus, pid, until_us, &unit_path);
        if (r >= 0)
                r = job_path(bus, unit_path, until_us, &path);
        if (r >= 0)
                r = get(bus, path, SYSTEMD ".Job", "JobType", until_us, &answer);
        if (r >= 0)
                r = sd_bus_message_read(answer.message, "v", "s", &type);
        if (r < 0)
                return r;
        *ret = strdup(type);
        return *ret ? 0 : -ENOMEM;
}

/* Its own service process, or one of ExecStopPost=: any other process belongs to a unit that is none of ours. */
static bool is_of_systemd(void)
{
        return getenv("NOTIFY_SOCKET") || getenv("SERVICE_RESULT");
}

bool service_is_restarting(void)
{
        CLEANUP(sd_bus_close_unrefp) sd_bus *bus = NULL;
        CLEANUP_FREE char *type = NULL;

        if (!is_of_systemd())
                return false;
        int r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = service_job_type(bus, getpid(), &type);
        if (r < 0)
                log_info("systemd does not answer whether it starts the service again: outputs with max_on go off: %s",
                         strerror(-r));
        return r == 0 && strcmp(type, "restart") == 0;
}
