/* SPDX-License-Identifier: Apache-2.0 */
#include "enrol/place_node.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "util/file.h"

#define CONFIG_MAX (1U << 20)
#define UNIT       "sconced.service"

/* ---- The certificates -------------------------------------------------------------------------------------------- */

static void find_user(struct place_node *node)
{
        const struct passwd *user = getpwnam("sconce");

        node->has_user = user != NULL;
        if (user && geteuid() == 0) {
                node->files.has_owner = true;
                node->files.uid = user->pw_uid;
                node->files.gid = user->pw_gid;
        }
}

/* Anyone may read what is in it but the key; the agent replaces all of it. */
static int make_certificates(const struct place_node *node, struct fault *fault)
{
        char path[PATH_MAX];
        int r = place_make_directory(&node->files, "certs", 0755, fault);

        if (r < 0 || !node->files.has_owner)
                return r;
        (void)snprintf(path, sizeof(path), "%s/certs", node->files.directory);
        CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fchown(fd, node->files.uid, node->files.gid) < 0)
                return fault_set(fault, -errno, "%s: cannot be given to the user sconce: %s; nothing was installed",
                                 path, strerror(errno));
        return 0;
}

int place_node_begin(struct place_node *node, const char *root, const char *key_pem, struct fault *fault)
{
        *node = (struct place_node){ .root = root };
        (void)snprintf(node->files.directory, sizeof(node->files.directory), "%s/etc/sconce", root);
        find_user(node);
        int r = make_certificates(node, fault);
        if (r == 0)
                r = place_lock(&node->files, "certs", fault);
        return r < 0 ? r : place_prepare(&node->files, "certs/node.key", key_pem, node->has_user ? 0640 : 0600, fault);
}

/* ---- The config -------------------------------------------------------------------------------------------------- */

/* A line `url = …`. */
static bool names_broker(const char *text)
{
        for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
                const char *at = line + strspn(line, " \t");
                if (strncmp(at, "url", 3) == 0 && at[3 + strspn(at + 3, " \t")] == '=')
                        return true;
        }
        return false;
}

static void look_into(struct place_node *node, const char *path, const char *url)
{
        struct file file;

        if (file_read(path, CONFIG_MAX, &file, NULL) < 0)
                return;
        node->is_named |= names_broker(file.data);
        node->names_this |= url && strstr(file.data, url) != NULL;
        file_done(&file);
}

static void look_at_config(struct place_node *node, const char *url)
{
        char path[PATH_MAX];
        glob_t found = { 0 };

        (void)snprintf(path, sizeof(path), "%s/sconce.conf", node->files.directory);
        node->is_kept = access(path, F_OK) == 0;
        node->target = node->is_kept ? "conf.d/broker.conf" : "sconce.conf";
        look_into(node, path, url);
        (void)snprintf(path, sizeof(path), "%s/conf.d/*.conf", node->files.directory);
        if (glob(path, 0, NULL, &found) == 0) {
                for (size_t i = 0; i < found.gl_pathc; i++)
                        look_into(node, found.gl_pathv[i], url);
                globfree(&found);
        }
}

static bool has_url(const struct place_material *material)
{
        return material->url && *material->url;
}

/* The package's own sconce.conf names no broker: it stays as it is, so that upgrades find it unchanged, and the broker comes
 * beside it. It is root's: the agent reads it. */
static int prepare_config(struct place_node *node, const struct place_material *material, struct fault *fault)
{
        CLEANUP_FREE char *text = NULL;

        if (node->is_named || !has_url(material))
                return 0;
        if (asprintf(&text,
                     "# Node %s; sconce.conf(5) explains every key. Devices come below, or in conf.d/*.conf.\n\n"
                     "[broker]\nurl = %s\n\n"
                     "[tls]\n"
                     "ca   = /etc/sconce/certs/ca.crt\n"
                     "cert = /etc/sconce/certs/node.crt\n"
                     "key  = /etc/sconce/certs/node.key\n"
                     "crl  = /etc/sconce/certs/crl.pem\n",
                     material->name, material->url) < 0)
                return fault_set(fault, -ENOMEM, "out of memory");
        node->files.uid = 0;
        int r = node->is_kept ? place_make_directory(&node->files, "conf.d", 0755, fault) : 0;
        return r < 0 ? r : place_prepare(&node->files, node->target, text, 0644, fault);
}

int place_node_all(struct place_node *node, const struct place_material *material, struct fault *fault)
{
        int r = place_prepare(&node->files, "certs/ca.crt", material->ca_pem, 0644, fault);

        if (r == 0)
                r = place_prepare(&node->files, "certs/crl.pem", material->crl_pem, 0644, fault);
        if (r == 0)
                r = place_prepare(&node->files, "certs/node.crt", material->certificate_pem, 0644, fault);
        look_at_config(node, material->url);
        if (r == 0)
                r = prepare_config(node, material, fault);
        return r < 0 ? r : place_all(&node->files, fault);
}

void place_node_report(const struct place_node *node, const struct place_material *material, FILE *out)
{
        const char *etc = node->files.directory;

        (void)fprintf(out, "Installed node %s's certificate and key in %s/certs.\n", material->name, etc);
        if (!node->has_user)
                (void)fprintf(out,
                              "The user sconce does not exist yet, so only root can read node.key: install the package "
                              "sconce, then run this again.\n");
        if (node->is_kept)
                (void)fprintf(out, "Kept %s/sconce.conf as it is.\n", etc);
        if (node->is_named && has_url(material) && !node->names_this)
                (void)fprintf(out, "Note that it does not name the broker %s.\n", material->url);
        if (!node->is_named && !has_url(material))
                (void)fprintf(out,
                              "Wrote no %s/%s, as the tar names no broker: write one, with 'url = …' under [broker].\n",
                              etc, node->target);
        if (!node->is_named && has_url(material))
                (void)fprintf(out, "Wrote %s/%s for the broker %s.\n", etc, node->target, material->url);
}

/* ---- The service ------------------------------------------------------------------------------------------------- */

static bool run(const char *const argv[])
{
        extern char **environ;
        posix_spawn_file_actions_t actions;
        pid_t pid;
        int status = -1;

        if (posix_spawn_file_actions_init(&actions) != 0)
                return false;
        (void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        int r = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
        while (r == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        return r == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int place_node_start(const struct place_node *node, FILE *out, struct fault *fault)
{
        static const char *const cat[] = { "systemctl", "cat", UNIT, NULL }, *const restart[] = { "systemctl",
                                                                                                  "restart", UNIT,
                                                                                                  NULL };
        char path[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/run/systemd/system", node->root);
        bool has_systemd = access(path, F_OK) == 0;
        (void)snprintf(path, sizeof(path), "%s/sconce.conf", node->files.directory);
        (void)fflush(out);
        if (!has_systemd)
                (void)fprintf(out, "systemd does not run here: start sconced by hand.\n");
        else if (!run(cat))
                (void)fprintf(out, "The service " UNIT
                                   " does not exist yet: install the package sconce, which starts it.\n");
        else if (!node->has_user || access(path, F_OK) < 0)
                (void)fprintf(out, "The service was not started: see above.\n");
        else if (run(restart))
                (void)fprintf(out, "Started " UNIT ".\n");
        else
                return fault_set(fault, -EIO, UNIT " did not start: 'journalctl -u sconced -n 20' shows why");
        return 0;
}

void place_node_done(struct place_node *node)
{
        place_done(&node->files);
}
