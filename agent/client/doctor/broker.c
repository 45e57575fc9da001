/* SPDX-License-Identifier: Apache-2.0 */
#include "client/doctor/broker.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bus/reason.h"
#include "bus/session.h"
#include "util/identity.h"
#include "util/json.h"

/* For brokers that send retained messages some time after they have granted the subscription. */
#define RETAINED_GRACE_US (500 * USEC_PER_MSEC)

/* ---- Asking -------------------------------------------------------------------------------------------------- */

static bool is_answered(const struct checkup *checkup)
{
        return checkup->failed || checkup->waits_for == 0;
}

static int wait_for_answer(struct checkup *checkup)
{
        if (!checkup_wait(checkup, is_answered, checkup->arguments->timeout_us))
                return -ETIMEDOUT;
        return checkup->failed ? -ENOTCONN : checkup->reason;
}

/* Subscribes to BASE/NODE/SUFFIX; what is retained there has come when the next answer comes. */
static int ask_for(struct checkup *checkup, const char *suffix)
{
        CLEANUP_FREE char *filter = NULL;

        if (asprintf(&filter, "%s/%s/%s", checkup->home.base, checkup->node[0] ? checkup->node : "+", suffix) < 0) {
                filter = NULL;
                return -ENOMEM;
        }
        int r = session_subscribe(checkup->session, filter, 0, &checkup->waits_for);
        return r < 0 ? r : wait_for_answer(checkup);
}

static bool knows_a_node(const struct checkup *checkup)
{
        if (checkup->node[0])
                return view_status(&checkup->home, checkup->node, NULL) != NULL;
        return json_object_size(checkup->home.nodes) > 0;
}

/* A node without a name in its config: as the daemon does it, but for what a topic cannot have. */
static void find_name(struct checkup *checkup)
{
        const char *name = checkup->settings.config.node.name;
        char named[IDENTITY_NAME_MAX];

        if (checkup->afar || checkup->node[0])
                return;
        if (!name && checkup->tls)
                name = identity_name(tls_certificate_name(checkup->tls), named);
        if (name)
                (void)snprintf(checkup->node, sizeof(checkup->node), "%s", name);
        else
                (void)gethostname(checkup->node, sizeof(checkup->node) - 1);
}

/* ---- The access list ----------------------------------------------------------------------------------------- */

/* Only MQTT 5 has the reason in its acknowledgement; a missing right to read is not shown at all. */
static int publish_nothing(struct checkup *checkup, const char *suffix)
{
        struct session_message message = { .payload = "", .qos = 1 };
        CLEANUP_FREE char *topic = NULL;

        if (asprintf(&topic, "%s/%s/%s", checkup->home.base, checkup->node, suffix) < 0) {
                topic = NULL;
                return -ENOMEM;
        }
        message.topic = topic;
        int r = session_publish(checkup->session, &message, &checkup->waits_for);
        return r < 0 ? r : wait_for_answer(checkup);
}

static void judge_node_rights(const struct checkup *checkup, int reason, struct verdict *verdict)
{
        const char *name = checkup->tls ? tls_certificate_name(checkup->tls) : NULL;

        if (reason < REASON_REFUSED) {
                verdict_ok(verdict, "%s may write %s/%s/#", checkup->node, checkup->home.base, checkup->node);
                return;
        }
        verdict_wrong(verdict, "the broker does not let %s write %s/%s/#: %s", name ? name : checkup->node,
                      checkup->home.base, checkup->node, reason_code_text(reason));
        verdict_mend(verdict, "sudo sconce-pki node %s", checkup->node);
}

/* A certificate that may only read is as good as any other. */
static void judge_client_rights(const struct checkup *checkup, int reason, struct verdict *verdict)
{
        if (reason < REASON_REFUSED)
                verdict_ok(verdict, "this certificate may command %s", checkup->node);
        else
                verdict_ok(verdict, "this certificate may not command %s: %s", checkup->node, reason_code_text(reason));
}

/* Nobody reads NODE/doctor, which only the node may write; an empty command is ignored by every node. */
void doctor_acl(struct checkup *checkup, struct verdict *verdict)
{
        find_name(checkup);
        if (!checkup->node[0]) {
                verdict_skip(verdict, "seen for one node alone: sconce doctor NODE");
                return;
        }
        int r = publish_nothing(checkup, checkup->afar ? "node/set" : "doctor");
        if (r < 0) {
                verdict_wrong(verdict, "the broker does not answer what is published: %s", strerror(-r));
                verdict_mend(verdict, "sudo journalctl -u mosquitto -n 20");
        } else if (r < REASON_REFUSED && session_version(checkup->session) == SESSION_VERSION_311) {
                verdict_skip(verdict, "a broker with MQTT 3.1.1 does not report refusals");
        } else if (checkup->afar) {
                judge_client_rights(checkup, r, verdict);
        } else {
                judge_node_rights(checkup, r, verdict);
        }
}

/* ---- The node ------------------------------------------------------------------------------------------------ */

static void judge_status(const char *node, const char *status, struct verdict *verdict)
{
        if (verdict->status == VERDICT_WRONG || (status && strcmp(status, "online") == 0))
                return;
        if (status)
                verdict_wrong(verdict, "%s is %s: its agent has no connection to the broker", node, status);
        else
                verdict_wrong(verdict,
                              "%s has no status at the broker: it has never been there, or this certificate may not "
                              "read it",
                              node);
        verdict_mend(verdict, "sudo systemctl restart sconced");
}

static void judge_all(struct checkup *checkup, struct verdict *verdict)
{
        CLEANUP_FREE const char **names = NULL;
        struct fault fault = { 0 };
        size_t count = 0;

        if (view_check_known(&checkup->home, &fault) < 0) {
                verdict_wrong(verdict, "%s", fault.text);
                verdict_mend(verdict, "sudo systemctl restart sconced");
                return;
        }
        names = view_sorted_keys(checkup->home.nodes, &count);
        verdict_ok(verdict, "%zu online", count);
        for (size_t i = 0; names && i < count; i++)
                judge_status(names[i], view_status(&checkup->home, names[i], NULL), verdict);
        verdict->blocks = false; /* the others' devices are still there */
}

void doctor_node(struct checkup *checkup, struct verdict *verdict)
{
        find_name(checkup);
        int r = ask_for(checkup, "status");
        if (r >= 0)
                r = ask_for(checkup, "status"); /* once more: the answer comes after what is retained */
        if (r < 0 || r >= REASON_REFUSED) {
                verdict_wrong(verdict, "the broker does not let us read %s/%s/status", checkup->home.base,
                              checkup->node[0] ? checkup->node : "+");
                verdict_mend(verdict, "sudo sconce-pki renew %s", checkup->node[0] ? checkup->node : "NAME");
                return;
        }
        /* What has not come by then is not there. */
        bool known = checkup_wait(checkup, knows_a_node, RETAINED_GRACE_US);
        if (!checkup->node[0]) {
                judge_all(checkup, verdict);
                return;
        }
        verdict_ok(verdict, "%s is online", checkup->node);
        judge_status(checkup->node, known ? view_status(&checkup->home, checkup->node, NULL) : NULL, verdict);
}

/* ---- Its devices --------------------------------------------------------------------------------------------- */

static bool is_online(const struct checkup *checkup, const char *node)
{
        const char *status = view_status(&checkup->home, node, NULL);
        return status && strcmp(status, "online") == 0;
}

/* By the errno's name in the error topic. */
static const struct {
        const char *code, *command;
} mends[] = {
        { "ebusy", "sudo sconced --lines" },
        { "eacces", "sudo usermod -aG gpio sconce && sudo systemctl restart sconced" },
        { "eperm", "sudo usermod -aG gpio sconce && sudo systemctl restart sconced" },
};

struct offline {
        struct verdict *verdict;
        size_t count, online;
};

static void add_offline(struct offline *offline, const char *node, const char *device, const json_t *error)
{
        const char *code = json_string_value(json_object_get(error, "code"));
        const char *message = json_string_value(json_object_get(error, "message"));
        struct verdict *verdict = offline->verdict;

        if (offline->count++ > 0) {
                size_t used = strlen(verdict->text);
                (void)snprintf(verdict->text + used, sizeof(verdict->text) - used, "; %s/%s is offline, too", node,
                               device);
                return;
        }
        verdict_wrong(verdict, "%s/%s is offline: %s", node, device, message ? message : "it gives no reason");
        verdict_mend(verdict, "sudo journalctl -u sconced DEVICE=%s", device);
        for (size_t i = 0; code && i < ARRAY_SIZE(mends); i++)
                if (strcmp(mends[i].code, code) == 0)
                        verdict_mend(verdict, "%s", mends[i].command);
}

static void look_at_devices(const struct checkup *checkup, const char *node, struct offline *offline)
{
        CLEANUP_JSON json_t *devices = view_devices(&checkup->home, node);
        CLEANUP_FREE const char **ids = NULL;
        size_t count = 0;

        ids = view_sorted_keys(devices, &count);
        for (size_t i = 0; ids && i < count; i++) {
                const char *status = view_status(&checkup->home, node, ids[i]);
                if (!status || view_is_stale(&checkup->home, node, ids[i]))
                        continue;
                if (strcmp(status, "online") == 0)
                        offline->online++;
                else
                        add_offline(offline, node, ids[i], view_error(&checkup->home, node, ids[i]));
        }
}

/* The node's own device has a status from its first connection on: where even that does not come, none does. */
static bool knows_own_devices(const struct checkup *checkup)
{
        return view_status(&checkup->home, checkup->node, "node") != NULL;
}

/* A node's own rights go as far as status and error: what is listed in info, it has in its config. */
static int ask_for_devices(struct checkup *checkup)
{
        static const char *const suffixes[] = { "info", "+/status", "+/error", "status" };

        for (size_t i = checkup->afar ? 0 : 1; i < ARRAY_SIZE(suffixes); i++) {
                int r = ask_for(checkup, suffixes[i]);
                if (r < 0 || r >= REASON_REFUSED)
                        return -EACCES;
        }
        return checkup->afar || checkup_wait(checkup, knows_own_devices, RETAINED_GRACE_US) ? 0 : -EACCES;
}

static void skip_devices(const struct checkup *checkup, struct verdict *verdict)
{
        if (checkup->afar) {
                verdict_skip(verdict, "this certificate may not read them");
                return;
        }
        verdict_skip(verdict, "the broker's access list, perhaps an older one, does not let %s read %s/%s/+/status",
                     checkup->node, checkup->home.base, checkup->node);
        verdict_mend(verdict, "sudo sconce-pki check");
}

void doctor_devices(struct checkup *checkup, struct verdict *verdict)
{
        struct offline offline = { .verdict = verdict };
        CLEANUP_FREE const char **names = NULL;
        size_t count = 0;

        if (ask_for_devices(checkup) < 0) {
                skip_devices(checkup, verdict);
                return;
        }
        names = view_sorted_keys(checkup->home.nodes, &count);
        for (size_t i = 0; names && i < count; i++)
                if (is_online(checkup, names[i]))
                        look_at_devices(checkup, names[i], &offline);
        if (offline.count == 0)
                verdict_ok(verdict, "%zu online", offline.online);
}
