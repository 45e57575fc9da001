/* SPDX-License-Identifier: Apache-2.0 */
#include "services.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "say.h"
#include "util/cleanup.h"
#include "util/file.h"

#define SMALL_FILE    65536
#define RELOADED_FILE "private/reloaded" /* its time is that of the last SIGHUP */
#define APART_MS      500

/* ---- Processes --------------------------------------------------------------------------------------------------- */

/* Of a small file, as text; the caller frees it. NULL: it cannot be read. */
static char *read_text(const char *path)
{
        struct file file;
        return file_read(path, SMALL_FILE, &file, NULL) < 0 ? NULL : file.data;
}

/* What the kernel makes up has no size: it is read until it ends. */
static size_t read_proc(pid_t pid, const char *name, char *ret, size_t size)
{
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
        CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd >= 0 ? read(fd, ret, size - 1) : -1;
        ret[n > 0 ? n : 0] = '\0';
        return n > 0 ? (size_t)n : 0;
}

static bool is_program(pid_t pid, const char *program)
{
        char name[32];

        (void)read_proc(pid, "comm", name, sizeof(name));
        name[strcspn(name, "\n")] = '\0';
        return strcmp(name, program) == 0;
}

/* A left-over file may hold the number of some other program by now; and 0 would mean all of ours. */
static pid_t pid_in_file(const char *program, const char *path)
{
        CLEANUP_FREE char *text = path ? read_text(path) : NULL;
        char *end = NULL;

        if (!text || text[0] < '1' || text[0] > '9')
                return 0;
        long pid = strtol(text, &end, 10);
        return (*end == '\n' || *end == '\0') && pid > 0 && pid <= INT32_MAX && is_program((pid_t)pid, program)
                       ? (pid_t)pid
                       : 0;
}

static bool run_quietly(const char *const argv[])
{
        extern char **environ;
        pid_t pid;
        int status;

        if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ) != 0)
                return false;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return false;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- mosquitto --------------------------------------------------------------------------------------------------- */

/* The value of the next line `WORD VALUE`; NULL: there is none. The text is cut there. */
static char *next_setting(char **rest, const char *word)
{
        size_t length = strlen(word);

        for (char *line = strsep(rest, "\n"); line; line = strsep(rest, "\n"))
                if (strncmp(line, word, length) == 0 && line[length] && strchr(" \t", line[length]))
                        return line + length + strspn(line + length, " \t");
        return NULL;
}

static bool has_browsers(const char *path)
{
        CLEANUP_FREE char *text = read_text(path);
        char *rest = text;

        for (const char *protocol; (protocol = next_setting(&rest, "protocol"));)
                if (strncmp(protocol, "websockets", strlen("websockets")) == 0)
                        return true;
        return false;
}

static bool any_has_browsers(const char *directory)
{
        CLEANUP_FREE char *pattern = NULL;
        glob_t found = { 0 };
        bool has = false;

        if (asprintf(&pattern, "%s/*.conf", directory) < 0 || glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
                return false;
        for (size_t i = 0; i < found.gl_pathc && !has; i++)
                has = has_browsers(found.gl_pathv[i]);
        globfree(&found);
        return has;
}

/* By that file of mosquitto's, or one of its include_dir. */
static bool serves_browsers(const char *path)
{
        CLEANUP_FREE char *text = read_text(path);
        char *rest = text;
        const char *more = next_setting(&rest, "include_dir");

        return has_browsers(path) || (more && any_has_browsers(more));
}

static void config_of(pid_t pid, char *ret, size_t size)
{
        char words[4096];
        size_t length = read_proc(pid, "cmdline", words, sizeof(words));

        *ret = '\0';
        for (size_t at = 0; at < length; at += strlen(words + at) + 1)
                if (strcmp(words + at, "-c") == 0 && at + 3 < length)
                        (void)snprintf(ret, size, "%s", words + at + 3);
}

/* mosquitto forgets a SIGHUP that comes while it is at work on the one before, and would go on by the files as they were
 * then: two are sent half a second apart, also where others sent the first. */
static void keep_apart(void)
{
        struct timespec now;
        struct stat last;

        if (stat(RELOADED_FILE, &last) == 0 && clock_gettime(CLOCK_REALTIME, &now) == 0) {
                int64_t since_ms = (int64_t)(now.tv_sec - last.st_mtim.tv_sec) * 1000 +
                                   (now.tv_nsec - last.st_mtim.tv_nsec) / 1000000;
                const struct timespec rest = { .tv_nsec = (APART_MS - since_ms) * 1000000 };
                if (since_ms >= 0 && since_ms < APART_MS)
                        (void)nanosleep(&rest, NULL);
        }
}

static void note_reload(void)
{
        CLEANUP_CLOSE int fd = open(RELOADED_FILE, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0)
                (void)futimens(fd, NULL);
}

static void hang_up(struct services *services, pid_t pid)
{
        char config[4096];

        config_of(pid, config, sizeof(config));
        bool is_risky = serves_browsers(config);
        (void)snprintf(services->broker, sizeof(services->broker),
                       "The running broker (process %d) was asked to read its files again.%s", (int)pid,
                       is_risky ? " It serves browsers: restart it soon, since mosquitto may end by itself after this."
                                : "");
        keep_apart();
        if (kill(pid, SIGHUP) < 0)
                (void)snprintf(services->broker_failed, sizeof(services->broker_failed),
                               "run 'kill -HUP %d' as its user or as root", (int)pid);
        note_reload();
}

static void ask_systemd(struct services *services)
{
        const char *verb = serves_browsers("/etc/mosquitto/mosquitto.conf") ? "restart" : "reload";
        const char *const argv[] = { "systemctl", verb, "mosquitto", NULL };

        (void)snprintf(services->broker, sizeof(services->broker),
                       "The running broker was asked to read its files again ('systemctl %s mosquitto').", verb);
        keep_apart();
        if (!run_quietly(argv))
                (void)snprintf(services->broker_failed, sizeof(services->broker_failed),
                               "'systemctl %s mosquitto' failed", verb);
        note_reload();
}

/* On SIGHUP mosquitto 2 reads the access list, the CRL and its own certificate again, forgets TLS sessions, and holds open
 * connections to the new rights. One that serves browsers may end after it, at a browser's next connection (seen with
 * 2.0.11): where there is who starts it again it is restarted, so that it ends in order. */
void services_reload_broker(struct services *services)
{
        static const char *const is_active[] = { "systemctl", "--quiet", "is-active", "mosquitto", NULL };
        pid_t pid = pid_in_file("mosquitto", services->pid_file ? services->pid_file : "broker.pid");

        services->broker[0] = services->broker_failed[0] = '\0';
        if (pid)
                hang_up(services, pid);
        else if (services->is_system && access("/run/systemd/system", F_OK) == 0 && run_quietly(is_active))
                ask_systemd(services);
        else if (services->is_system && (pid = pid_in_file("mosquitto", "/run/mosquitto/mosquitto.pid")))
                hang_up(services, pid);
}

/* ---- The page ---------------------------------------------------------------------------------------------------- */

/* nginx goes by the CRL and the broker's certificate as they were when it last read them. */
void services_reload_page(struct services *services)
{
        pid_t pid = pid_in_file("nginx", "nginx.pid");

        if (!pid && services->is_system && access("/etc/nginx/conf.d/sconce-dashboard.conf", F_OK) == 0)
                pid = pid_in_file("nginx", "/run/nginx.pid");
        if (!pid)
                return;
        (void)snprintf(services->page, sizeof(services->page),
                       "The page's nginx (process %d) was asked to read its files again.", (int)pid);
        if (kill(pid, SIGHUP) < 0)
                (void)snprintf(services->page_failed, sizeof(services->page_failed), "run 'kill -HUP %d' as root",
                               (int)pid);
}

int services_report(const struct services *services, bool is_new_server, struct fault *fault)
{
        if (services->broker_failed[0])
                return fault_set(fault, -EPERM, "the broker still uses the old rights: %s", services->broker_failed);
        say("%s", services->broker[0] ? services->broker
                                      : "No running broker was found here: one that runs elsewhere needs the new "
                                        "ca.crt, crl.pem and sconce.acl, and then 'systemctl reload mosquitto'.");
        if (services->page_failed[0])
                return fault_set(fault, -EPERM, "the page's nginx still goes by the old files: %s",
                                 services->page_failed);
        if (!services->page[0])
                return 0;
        say("%s", services->page);
        if (is_new_server)
                say("For browsers the broker's new certificate counts when mosquitto has started again.");
        return 0;
}
