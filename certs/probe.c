/* SPDX-License-Identifier: Apache-2.0 */
#include "probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bus/mosquitto.h"
#include "bus/reach.h"
#include "util/cleanup.h"

#define CONNECT_S   10
#define RETAINED_S  2
#define KEEPALIVE_S 30
#define LOOP_MS     100

struct run {
        bool is_connected, is_over; /* the broker has answered CONNECT; what was asked */
        int connect_reason, reason;
        int (*each)(void *userdata, const char *topic);
        void *userdata;
        int result;
};

/* ---- What the broker says ---------------------------------------------------------------------------------------- */

static void on_connect(struct mosquitto *mosquitto, void *userdata, int reason, int flags,
                       const mosquitto_property *properties)
{
        struct run *run = userdata;

        (void)mosquitto;
        (void)flags;
        (void)properties;
        run->connect_reason = reason;
        run->is_connected = reason == 0;
        run->is_over = reason != 0;
}

static void on_publish(struct mosquitto *mosquitto, void *userdata, int id, int reason,
                       const mosquitto_property *properties)
{
        struct run *run = userdata;

        (void)mosquitto;
        (void)id;
        (void)properties;
        run->reason = reason;
        run->is_over = true;
}

static void on_message(struct mosquitto *mosquitto, void *userdata, const struct mosquitto_message *message,
                       const mosquitto_property *properties)
{
        struct run *run = userdata;

        (void)mosquitto;
        (void)properties;
        if (!message->retain || run->result != 0)
                return;
        run->result = run->each(run->userdata, message->topic);
}

static void on_disconnect(struct mosquitto *mosquitto, void *userdata, int reason, const mosquitto_property *properties)
{
        struct run *run = userdata;

        (void)mosquitto;
        (void)properties;
        run->is_over = true;
        run->reason = run->reason ? run->reason : reason;
}

/* ---- One connection ---------------------------------------------------------------------------------------------- */

DEFINE_CLEANUP(struct mosquitto, mosquitto_destroy);

static int fail(int code, struct fault *fault)
{
        return fault_set(fault, -EIO, "%s", code == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(code));
}

/* The certificate is verified against ours alone; by which name the broker is reached does not matter to what it allows. */
static struct mosquitto *prepare(const struct probe *probe, struct run *run)
{
        struct mosquitto *mosquitto = mosquitto_new(probe->client_id, true, run);

        if (!mosquitto ||
            mosquitto_int_option(mosquitto, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5) != MOSQ_ERR_SUCCESS ||
            mosquitto_tls_set(mosquitto, probe->ca_path, NULL, probe->cert_path, probe->key_path, NULL) !=
                    MOSQ_ERR_SUCCESS ||
            mosquitto_tls_insecure_set(mosquitto, true) != MOSQ_ERR_SUCCESS ||
            mosquitto_username_pw_set(mosquitto, probe->username, NULL) != MOSQ_ERR_SUCCESS) {
                mosquitto_destroy(mosquitto);
                return NULL;
        }
        mosquitto_connect_v5_callback_set(mosquitto, on_connect);
        mosquitto_publish_v5_callback_set(mosquitto, on_publish);
        mosquitto_message_v5_callback_set(mosquitto, on_message);
        mosquitto_disconnect_v5_callback_set(mosquitto, on_disconnect);
        return mosquitto;
}

static time_t now_s(void)
{
        struct timespec now;
        return clock_gettime(CLOCK_MONOTONIC, &now) == 0 ? now.tv_sec : 0;
}

/* Until it is so, or over, or the time is. */
static int loop_until(struct mosquitto *mosquitto, const struct run *run, const bool *is_so, time_t until_s)
{
        int code = MOSQ_ERR_SUCCESS;

        while (code == MOSQ_ERR_SUCCESS && !*is_so && !run->is_over && now_s() < until_s)
                code = mosquitto_loop(mosquitto, LOOP_MS, 1);
        return code;
}

static int connect_to(struct mosquitto *mosquitto, const struct probe *probe, struct run *run, struct fault *fault)
{
        int code = mosquitto_connect_bind_v5(mosquitto, probe->host, probe->port, KEEPALIVE_S, NULL, NULL);

        if (code == MOSQ_ERR_ERRNO)
                errno = reach_errno(probe->host, probe->port);
        if (code == MOSQ_ERR_SUCCESS)
                code = loop_until(mosquitto, run, &run->is_connected, now_s() + CONNECT_S);
        if (run->is_connected)
                return 0;
        if (run->connect_reason)
                return fault_set(fault, -ECONNREFUSED, "%s", mosquitto_reason_string(run->connect_reason));
        return code == MOSQ_ERR_SUCCESS ? fault_set(fault, -ETIMEDOUT, "it does not answer") : fail(code, fault);
}

static void leave(struct mosquitto *mosquitto)
{
        (void)mosquitto_disconnect_v5(mosquitto, 0, NULL);
        (void)mosquitto_loop(mosquitto, 0, 1);
}

enum probe_outcome probe_publish(const struct probe *probe, const char *topic, const char *payload, bool retain,
                                 struct fault *fault)
{
        struct run run = { 0 };
        CLEANUP(mosquitto_destroyp) struct mosquitto *mosquitto = prepare(probe, &run);

        if (!mosquitto) {
                (void)fault_set(fault, -ENOMEM, "the certificates cannot be read");
                return PROBE_OUT;
        }
        if (connect_to(mosquitto, probe, &run, fault) < 0)
                return PROBE_OUT;
        int code = mosquitto_publish_v5(mosquitto, NULL, topic, (int)strlen(payload), payload, 1, retain, NULL);
        if (code == MOSQ_ERR_SUCCESS)
                code = loop_until(mosquitto, &run, &run.is_over, now_s() + CONNECT_S);
        leave(mosquitto);
        if (run.reason == MQTT_RC_NOT_AUTHORIZED)
                return PROBE_REFUSED;
        if (run.is_over && run.reason < MQTT_RC_UNSPECIFIED)
                return PROBE_ACCEPTED;
        if (code != MOSQ_ERR_SUCCESS)
                (void)fail(code, fault);
        else
                (void)fault_set(fault, -EIO, "%s",
                                run.is_over ? mosquitto_reason_string(run.reason) : "it does not answer");
        return PROBE_OUT;
}

int probe_retained(const struct probe *probe, const char *filter, int (*each)(void *userdata, const char *topic),
                   void *userdata, struct fault *fault)
{
        struct run run = { .each = each, .userdata = userdata };
        CLEANUP(mosquitto_destroyp) struct mosquitto *mosquitto = prepare(probe, &run);
        static const bool never;

        if (!mosquitto)
                return fault_set(fault, -ENOMEM, "the certificates cannot be read");
        int r = connect_to(mosquitto, probe, &run, fault);
        if (r < 0)
                return r;
        int code = mosquitto_subscribe_v5(mosquitto, NULL, filter, 1, 0, NULL);
        if (code == MOSQ_ERR_SUCCESS)
                code = loop_until(mosquitto, &run, &never, now_s() + RETAINED_S);
        leave(mosquitto);
        return code == MOSQ_ERR_SUCCESS ? run.result : fail(code, fault);
}
