/* SPDX-License-Identifier: Apache-2.0 */
#include "enrol/place_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/text.h"

static int find_directory(struct place *files, struct fault *fault)
{
        const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
        bool is_own = xdg && *xdg;
        int n;

        if (!is_own && (!home || !*home))
                return fault_set(fault, -ENOENT, "there is no home directory: neither HOME nor XDG_CONFIG_HOME is set");
        n = snprintf(files->directory, sizeof(files->directory), is_own ? "%s/sconce" : "%s/.config/sconce",
                     is_own ? xdg : home);
        if (n < 0 || (size_t)n >= sizeof(files->directory) || files->directory[0] != '/')
                return fault_set(fault, -ENAMETOOLONG, "%s is no path that begins with a slash, or is too long",
                                 is_own ? "XDG_CONFIG_HOME" : "HOME");
        return 0;
}

int place_client_begin(struct place_client *client, const char *key_pem, struct fault *fault)
{
        *client = (struct place_client){ 0 };
        int r = find_directory(&client->files, fault);

        if (r == 0)
                r = place_make_directory(&client->files, "", 0700, fault);
        if (r == 0)
                r = place_lock(&client->files, "", fault);
        return r < 0 ? r : place_prepare(&client->files, "client.key", key_pem, 0600, fault);
}

/* A directory may have any character in its name: inside quotes, two of them have a backslash before them. */
static int add_path(FILE *out, const char *key, const char *directory, const char *name)
{
        int r = fprintf(out, "%-4s = \"", key);

        for (; *directory && r >= 0; directory++)
                r = fprintf(out, "%s%c", *directory == '"' || *directory == '\\' ? "\\" : "", *directory);
        return r < 0 ? r : fprintf(out, "/%s\"\n", name);
}

static int make_config(const struct place_client *client, const struct place_material *material, char **ret)
{
        static const char *const files[][2] = {
                { "ca", "ca.crt" }, { "cert", "client.crt" }, { "key", "client.key" }, { "crl", "crl.pem" }
        };
        size_t size;
        FILE *out = open_memstream(ret, &size);
        int r = out ? fprintf(out, "# %s; sconce(1) explains every key.\n\n[broker]\nurl = %s\n\n[tls]\n",
                              material->name, material->url)
                    : -1;

        for (size_t i = 0; i < ARRAY_SIZE(files) && r >= 0; i++)
                r = add_path(out, files[i][0], client->files.directory, files[i][1]);
        return out && fclose(out) == 0 && r >= 0 ? 0 : -ENOMEM;
}

/* Links beside rather than renames: at no time is a file missing. */
static int keep(struct place_client *client, const char *final, struct fault *fault)
{
        char before[PATH_MAX];

        if (access(final, F_OK) < 0)
                return 0;
        (void)snprintf(before, sizeof(before), "%s.before", final);
        (void)unlink(before);
        if (link(final, before) < 0)
                return fault_set(fault, -errno, "%s: cannot be kept: %s; nothing was installed", final,
                                 strerror(errno));
        text_list_add(client->kept, sizeof(client->kept), strrchr(before, '/') + 1);
        return 0;
}

int place_client_all(struct place_client *client, const struct place_material *material, struct fault *fault)
{
        CLEANUP_FREE char *config = NULL;
        struct place *files = &client->files;
        int r = make_config(client, material, &config) < 0 ? fault_set(fault, -ENOMEM, "out of memory") : 0;

        if (r == 0)
                r = place_prepare(files, "ca.crt", material->ca_pem, 0644, fault);
        if (r == 0)
                r = place_prepare(files, "crl.pem", material->crl_pem, 0644, fault);
        if (r == 0)
                r = place_prepare(files, "client.crt", material->certificate_pem, 0644, fault);
        if (r == 0)
                r = place_prepare(files, "client.conf", config, 0644, fault);
        for (size_t i = 0; i < files->count && r == 0; i++)
                r = keep(client, files->final[i], fault);
        return r < 0 ? r : place_all(files, fault);
}

void place_client_report(const struct place_client *client, const struct place_material *material, FILE *out)
{
        (void)fprintf(out, "Wrote %s's certificate, key and client.conf for the broker %s into %s.\n", material->name,
                      material->url, client->files.directory);
        if (client->kept[0])
                (void)fprintf(out, "What was there is kept beside: %s.\n", client->kept);
}

void place_client_done(struct place_client *client)
{
        place_done(&client->files);
}
