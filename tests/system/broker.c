/* SPDX-License-Identifier: Apache-2.0 */
#include "system/broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system/certs.h"
#include "system/workdir.h"

/* ---- Ports ------------------------------------------------------------------------------------------------------- */

struct port port_reserve(void)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);
        int yes = 1;

        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        /* With SO_REUSEADDR on both sides and no listener, mosquitto may bind it too; the kernel gives it to nobody
         * else. */
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            getsockname(fd, (struct sockaddr *)&address, &size) < 0)
                give_up("cannot reserve a port: %s", strerror(errno));
        return (struct port){ .fd = fd, .number = ntohs(address.sin_port) };
}

void port_release(struct port *port)
{
        if (port->fd >= 0)
                (void)close(port->fd);
        port->fd = -1;
}

/* ---- The broker -------------------------------------------------------------------------------------------------- */

static const char common[] = "\n# the test's\npersistence false\nlog_dest stderr\n";
static const char log_all[] = "log_type all\nconnection_messages true\n";
static const char log_little[] = "log_type information\nconnection_messages false\n";

static struct broker *brokers;

static struct broker *broker_alloc(void)
{
        static unsigned n;
        struct broker *broker = calloc(1, sizeof(*broker));

        if (!broker)
                give_up("out of memory");
        broker->next = brokers;
        brokers = broker;
        broker->port = port_reserve();
        broker->dir = work_path("broker%u", n++);
        make_dir(broker->dir);
        broker->config = work_path("%s/mosquitto.conf", strrchr(broker->dir, '/') + 1);
        return broker;
}

static const char *run_as(void)
{
        /* Started by root it would become `mosquitto`, which cannot read a private temporary directory. */
        return geteuid() == 0 ? "user root\n" : "";
}

/* `text` with each WORD replaced. */
static const char *replaced(const char *text, const char *word, const char *with)
{
        char *result = calloc(1, 1);
        const char *at;

        for (; (at = strstr(text, word)); text = at + strlen(word)) {
                char *longer = NULL;
                if (asprintf(&longer, "%s%.*s%s", result, (int)(at - text), text, with) < 0)
                        abort();
                free(result);
                result = longer;
        }
        char *whole = NULL;
        if (asprintf(&whole, "%s%s", result, text) < 0)
                abort();
        free(result);
        return keep_text(whole);
}

struct broker *broker_new_plain(const char *config)
{
        struct broker *broker = broker_alloc();
        char port[16];

        (void)snprintf(port, sizeof(port), "%u", broker->port.number);
        config = replaced(replaced(config, "PORT", port), "DIR", broker->dir);
        write_file(broker->config, "%s%s%s%s", run_as(), config, common, log_all);
        broker_start(broker);
        return broker;
}

/* A line of a shipped config with our value; NULL in the place of a value leaves the line out. */
struct line {
        const char *word, *value, *suffix;
};

static void put_line(FILE *out, const char *line, const struct line ours[], size_t count)
{
        for (size_t i = 0; i < count; i++) {
                if (strncmp(line, ours[i].word, strlen(ours[i].word)) != 0)
                        continue;
                if (ours[i].value)
                        (void)fprintf(out, "%s%s%s\n", ours[i].word, ours[i].value, ours[i].suffix);
                return;
        }
        (void)fputs(line, out);
}

static void put_shipped(FILE *out, const char *name, const struct line ours[], size_t count)
{
        FILE *shipped = fopen(source_path(name), "re");
        char line[1024];

        if (!shipped)
                give_up("cannot read %s: %s", name, strerror(errno));
        while (fgets(line, sizeof(line), shipped))
                put_line(out, line, ours, count);
        (void)fclose(shipped);
}

static const char *listener_on(unsigned port)
{
        return format_text("%u 127.0.0.1", port);
}

static void put_main(FILE *out, const struct broker *broker, const struct broker_options *options)
{
        const char *cert = options->cert ? options->cert : pki_issued(options->pki, "localhost");
        const struct line ours[] = {
                { "listener ", listener_on(broker->port.number), "" },
                { "cafile ", pki_file(options->pki, "ca.crt"), "" },
                { "crlfile ", pki_file(options->pki, "crl.pem"), "" },
                { "acl_file ", options->has_no_list ? NULL : pki_file(options->pki, "sconce.acl"), "" },
                { "certfile ", cert, ".crt" },
                { "keyfile ", cert, ".key" },
        };

        put_shipped(out, "etc/mosquitto/sconce.conf", ours, ARRAY_SIZE(ours));
}

/* Without the two lines that hold for all listeners: mosquitto takes them once. */
static void put_join(FILE *out, const struct broker_options *options)
{
        const struct line ours[] = {
                { "listener ", listener_on(options->join_port), "" },
                { "psk_file ", pki_file(options->pki, "join.psk"), "" },
                { "allow_anonymous ", NULL, "" },
                { "acl_file ", NULL, "" },
        };

        put_shipped(out, "etc/mosquitto/sconce-join.conf", ours, ARRAY_SIZE(ours));
}

/* The address counts with websockets where the family stands below it. */
static void put_web(FILE *out, const struct broker_options *options)
{
        const char *cert = options->cert ? options->cert : pki_issued(options->pki, "localhost");
        const struct line ours[] = {
                { "listener ", listener_on(options->web_port), "\nsocket_domain ipv4" },
                { "cafile ", pki_file(options->pki, "ca.crt"), "" },
                { "crlfile ", pki_file(options->pki, "crl.pem"), "" },
                { "certfile ", cert, ".crt" },
                { "keyfile ", cert, ".key" },
                { "allow_anonymous ", NULL, "" },
                { "acl_file ", NULL, "" },
        };

        put_shipped(out, "etc/mosquitto/sconce-dashboard.conf", ours, ARRAY_SIZE(ours));
}

struct broker *broker_new(const struct broker_options *options)
{
        struct broker *broker = broker_alloc();
        FILE *out = fopen(broker->config, "we");

        if (!out)
                give_up("cannot write %s: %s", broker->config, strerror(errno));
        (void)fputs(run_as(), out);
        put_main(out, broker, options);
        if (options->join_port)
                put_join(out, options);
        if (options->web_port)
                put_web(out, options);
        (void)fprintf(out, "%s%s%s", common, options->quiet ? log_little : log_all,
                      options->extra ? options->extra : "");
        (void)fclose(out);
        broker_start(broker);
        return broker;
}

void broker_start(struct broker *broker)
{
        const char *program = getenv("SCONCE_TEST_BROKER");
        const char *const argv[] = { program ? program : "mosquitto", "-c", broker->config, NULL };
        /* Debian keeps it in sbin, which an ordinary user's PATH lacks. */
        const char *path = getenv("PATH");
        char env_path[4096];

        (void)snprintf(env_path, sizeof(env_path), "PATH=%s:/usr/sbin:/usr/local/sbin", path ? path : "/usr/bin:/bin");
        const char *const env[] = { env_path, NULL };
        broker_kill(broker);
        broker->process = process_start(argv, &(struct process_options){ .name = "mosquitto", .env = env });
        (void)process_wait_log(broker->process, " running\n", SOON_MS);
}

void broker_kill(struct broker *broker)
{
        process_free(broker->process);
        broker->process = NULL;
}

void broker_free(struct broker *broker)
{
        if (!broker)
                return;
        for (struct broker **at = &brokers; *at; at = &(*at)->next) {
                if (*at == broker) {
                        *at = broker->next;
                        break;
                }
        }
        broker_kill(broker);
        port_release(&broker->port);
        free(broker);
}

void broker_free_all_but(const struct broker *kept)
{
        for (struct broker *broker = brokers, *next; broker; broker = next) {
                next = broker->next;
                if (broker != kept)
                        broker_free(broker);
        }
}
