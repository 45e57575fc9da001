/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd's job is asked for: over a socket, at the other end of which a thread answers as systemd does. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "service_job.h"
#include "util/cleanup.h"
#include "util/macro.h"

#define UNIT     "sconced.service"
#define UNIT_DIR "/org/freedesktop/systemd1/unit"
#define JOB      "/org/freedesktop/systemd1/job/7"

/* What the other end has; `type` NULL: no job. */
struct systemd {
        int fd;
        const char *type;
        pthread_t thread;
};

static struct systemd systemd;
static sd_bus *bus;

/* ---- The other end ------------------------------------------------------------------------------------------- */

/* Of all processes there is this one. */
static int get_unit(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        CLEANUP_FREE char *path = NULL;
        uint32_t pid;

        (void)userdata;
        int r = sd_bus_message_read(call, "u", &pid);
        if (r >= 0 && pid != (uint32_t)getpid())
                return sd_bus_error_set(error, "org.freedesktop.systemd1.NoUnitForPID", "no such process");
        if (r >= 0)
                r = sd_bus_path_encode(UNIT_DIR, UNIT, &path);
        return r < 0 ? r : sd_bus_reply_method_return(call, "o", path);
}

static int get_job(sd_bus *from, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                   void *userdata, sd_bus_error *error)
{
        (void)from;
        (void)path;
        (void)interface;
        (void)property;
        (void)userdata;
        (void)error;
        return systemd.type ? sd_bus_message_append(reply, "(uo)", 7, JOB)
                            : sd_bus_message_append(reply, "(uo)", 0, "/");
}

static int get_type(sd_bus *from, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                    void *userdata, sd_bus_error *error)
{
        (void)from;
        (void)path;
        (void)interface;
        (void)property;
        (void)userdata;
        (void)error;
        return sd_bus_message_append(reply, "s", systemd.type);
}

static const sd_bus_vtable manager[] = { SD_BUS_VTABLE_START(0),
                                         SD_BUS_METHOD("GetUnitByPID", "u", "o", get_unit, SD_BUS_VTABLE_UNPRIVILEGED),
                                         SD_BUS_VTABLE_END };
static const sd_bus_vtable units[] = { SD_BUS_VTABLE_START(0), SD_BUS_PROPERTY("Job", "(uo)", get_job, 0, 0),
                                       SD_BUS_VTABLE_END };
static const sd_bus_vtable jobs[] = { SD_BUS_VTABLE_START(0), SD_BUS_PROPERTY("JobType", "s", get_type, 0, 0),
                                      SD_BUS_VTABLE_END };

static int open_end(int fd, bool is_server, sd_bus **ret)
{
        sd_id128_t id = { .bytes = { 1 } };
        int r = sd_bus_new(ret);

        if (r >= 0)
                r = sd_bus_set_fd(*ret, fd, fd);
        if (r >= 0 && is_server)
                r = sd_bus_set_server(*ret, true, id);
        if (r >= 0)
                r = sd_bus_set_anonymous(*ret, true);
        return r < 0 ? r : sd_bus_start(*ret);
}

/* Until the asker goes. */
static void *answer(void *userdata)
{
        CLEANUP(sd_bus_flush_close_unrefp) sd_bus *end = NULL;
        char *path = NULL;

        (void)userdata;
        int r = open_end(systemd.fd, true, &end);
        if (r >= 0)
                r = sd_bus_path_encode(UNIT_DIR, UNIT, &path);
        if (r >= 0)
                r = sd_bus_add_object_vtable(end, NULL, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                                             manager, NULL);
        if (r >= 0)
                r = sd_bus_add_object_vtable(end, NULL, path, "org.freedesktop.systemd1.Unit", units, NULL);
        if (r >= 0)
                r = sd_bus_add_object_vtable(end, NULL, JOB, "org.freedesktop.systemd1.Job", jobs, NULL);
        free(path);
        while (r >= 0) {
                r = sd_bus_process(end, NULL);
                if (r == 0)
                        r = sd_bus_wait(end, UINT64_MAX);
        }
        return NULL;
}

static void begin(const char *type)
{
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        systemd = (struct systemd){ .fd = fds[0], .type = type };
        assert_int_equal(pthread_create(&systemd.thread, NULL, answer, NULL), 0);
        assert_true(open_end(fds[1], false, &bus) >= 0);
}

static int teardown(void **state)
{
        (void)state;
        bus = sd_bus_flush_close_unref(bus);
        return pthread_join(systemd.thread, NULL);
}

/* ---- Asking ---------------------------------------------------------------------------------------------------- */

static void service_job_type__restart_or_stop__is_its_type(void **state)
{
        static const char *const types[] = { "restart", "stop" };
        char *type = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
                begin(types[i]);
                assert_int_equal(service_job_type(bus, getpid(), &type), 0);
                assert_string_equal(type, types[i]);
                free(type);
                if (i + 1 < ARRAY_SIZE(types))
                        assert_int_equal(teardown(state), 0);
        }
}

static void service_job_type__no_job__enoent(void **state)
{
        char *type = NULL;

        (void)state;
        begin(NULL);
        assert_int_equal(service_job_type(bus, getpid(), &type), -ENOENT);
        assert_null(type);
}

static void service_job_type__process_of_no_unit__fails(void **state)
{
        char *type = NULL;

        (void)state;
        begin("restart");
        assert_true(service_job_type(bus, getppid(), &type) < 0);
        assert_null(type);
}

/* As while the machine goes down: the bus is connected to, and is not there any more. */
static void service_job_type__nobody_answers__times_out(void **state)
{
        char *type = NULL;
        int fds[2];

        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        assert_true(open_end(fds[1], false, &bus) >= 0);
        assert_int_equal(service_job_type(bus, getpid(), &type), -ETIMEDOUT);
        assert_null(type);
        bus = sd_bus_close_unref(bus);
        (void)close(fds[0]);
}

static void service_is_restarting__not_under_systemd__is_not(void **state)
{
        (void)state;
        (void)unsetenv("NOTIFY_SOCKET");
        assert_false(service_is_restarting());
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(service_job_type__restart_or_stop__is_its_type, teardown),
                cmocka_unit_test_teardown(service_job_type__no_job__enoent, teardown),
                cmocka_unit_test_teardown(service_job_type__process_of_no_unit__fails, teardown),
                cmocka_unit_test(service_job_type__nobody_answers__times_out),
                cmocka_unit_test(service_is_restarting__not_under_systemd__is_not),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
