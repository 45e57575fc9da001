/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the option lists of man pages and of docs/ from the tables that the programs read. A page says
 * where, in Markdown by <!-- begin: WHAT --> and <!-- end -->, in a man page by the same words after .\";
 * what stands between the two is written again. The pages are kept with the source, so that a package can be
 * built where its programs cannot run.
 *
 *     manual [--check] PLUGIN-DIR FILE…
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/arguments.h"
#include "client/command.h"
#include "command_line.h"
#include "config/builtin.h"
#include "plugin/describe.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/macro.h"

#define PAGE_MAX (1024 * 1024)

static const char *plugin_dir;

/* ---- What can be written
 * ----------------------------------------------------------------------------------------- */

static int put_sections(const char *argument, enum describe_form form, FILE *out)
{
        (void)argument;
        settings_describe(out, form);
        return 0;
}

static int put_plugin(const char *argument, enum describe_form form, FILE *out)
{
        return plugins_describe(plugin_dir, argument, form, out);
}

static int put_list(const char *argument, enum describe_form form, FILE *out)
{
        (void)argument;
        return plugins_describe_list(plugin_dir, form, out);
}

static int put_references(const char *argument, enum describe_form form, FILE *out)
{
        (void)argument;
        return form == DESCRIBE_ROFF ? plugins_describe_references(plugin_dir, out) : -EINVAL;
}

/* "lamp.conf [lamp kitchen]": that section of a file in etc/examples, which `make check` reads as a config. */
static int put_example(const char *argument, enum describe_form form, FILE *out)
{
        const char *section = argument ? strchr(argument, ' ') : NULL;
        CLEANUP_FREE char *path = NULL;
        char line[512];
        bool inside = false, found = false;

        if (!section || form != DESCRIBE_ROFF ||
            asprintf(&path, "etc/examples/%.*s", (int)(section - argument), argument) < 0)
                return -EINVAL;
        CLEANUP_FILE FILE *file = fopen(path, "re");
        if (!file)
                return -errno;
        (void)fputs(".nf\n", out);
        while (fgets(line, sizeof(line), file)) {
                size_t length = strcspn(line, "\n");
                inside = inside ? length > 0 : strncmp(line, section + 1, length) == 0 && length == strlen(section + 1);
                found = found || inside;
                if (inside)
                        describe_line(out, line, form);
        }
        (void)fputs(".fi\n", out);
        return found ? 0 : -ENOENT;
}

static int put_shared(const char *argument, enum describe_form form, FILE *out)
{
        (void)argument;
        shared_describe(form, out);
        return 0;
}

static int put_kinds(const char *argument, enum describe_form form, FILE *out)
{
        (void)argument;
        kinds_describe(form, out);
        return 0;
}

static int put_daemon(const char *argument, enum describe_form form, FILE *out)
{
        (void)argument;
        command_line_describe(form, out);
        return 0;
}

static int put_client_options(const char *argument, enum describe_form form, FILE *out)
{
        (void)argument;
        arguments_describe_options(form, out);
        return 0;
}

static int put_client_commands(const char *argument, enum describe_form form, FILE *out)
{
        (void)argument;
        arguments_describe_commands(client_commands, form, out);
        return 0;
}

/* What a program of the source tree, or (without a slash) of what was built, says to --help, line for line.
 */
static int put_help(const char *argument, enum describe_form form, FILE *out)
{
        CLEANUP_FREE char *command = NULL;
        char line[512];
        bool built = argument && !strchr(argument, '/');

        if (!argument ||
            asprintf(&command, "%s%s%s --help", built ? plugin_dir : "", built ? "/../" : "", argument) < 0)
                return -EINVAL;
        FILE *help = popen(command, "re");
        if (!help)
                return -errno;
        (void)fputs(form == DESCRIBE_ROFF ? ".nf\n" : "```\n", out);
        while (fgets(line, sizeof(line), help))
                describe_line(out, line, form);
        (void)fputs(form == DESCRIBE_ROFF ? ".fi\n" : "```\n", out);
        return pclose(help) == 0 ? 0 : -EIO;
}

static const struct content {
        const char *name;
        int (*put)(const char *argument, enum describe_form form, FILE *out);
} contents[] = {
        { "sections", put_sections },             /* of the config, the daemon's own */
        { "shared", put_shared },                 /* keys that plugins share */
        { "plugin", put_plugin },                 /* the one that is named */
        { "list", put_list },                     /* of plugins, with their pages */
        { "references", put_references },         /* to their man pages */
        { "example", put_example },               /* a section of etc/examples */
        { "kinds", put_kinds },                   /* of channels */
        { "sconced", put_daemon },                /* its options */
        { "sconce options", put_client_options }, /* and the client's */
        { "sconce commands", put_client_commands },
        { "help", put_help }, /* of the program that is named */
};

/* "plugin lamp" is the content "plugin" for "lamp". */
static const struct content *find_content(const char *what, const char **ret_argument)
{
        for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
                size_t length = strlen(contents[i].name);
                if (strncmp(what, contents[i].name, length) != 0 || (what[length] && what[length] != ' '))
                        continue;
                *ret_argument = what[length] ? what + length + 1 : NULL;
                return &contents[i];
        }
        return NULL;
}

/* ---- Pages
 * ---------------------------------------------------------------------------------------------------------
 */

struct page {
        const char *path;
        enum describe_form form;
        const char *begin, *begin_end, *end; /* how its marks are written */
};

static struct page page_of(const char *path)
{
        const char *dot = strrchr(path, '.');

        if (dot && strcmp(dot, ".md") == 0)
                return (struct page){ path, DESCRIBE_MARKDOWN, "<!-- begin: ", " -->", "<!-- end -->" };
        return (struct page){ path, DESCRIBE_ROFF, ".\\\" begin: ", "", ".\\\" end" };
}

/* The defaults below this build's configuration directory are printed as those below /etc. */
static void put_at_home(FILE *out, const char *text)
{
        static const char here[] = SCONCE_SYSCONFDIR "/sconce";

        while (*text) {
                bool found = strncmp(text, here, strlen(here)) == 0;
                (void)fprintf(out, "%.*s", found ? 11 : 1, found ? "/etc/sconce" : text);
                text += found ? strlen(here) : 1;
        }
}

static int put_content(const struct page *page, const char *line, FILE *out)
{
        CLEANUP_FREE char *what = strdup(line + strlen(page->begin)), *text = NULL;
        const char *argument;
        size_t size;
        FILE *memory = open_memstream(&text, &size);

        if (!what || !memory)
                return -ENOMEM;
        what[strlen(what) - strlen(page->begin_end)] = '\0';
        const struct content *content = find_content(what, &argument);
        int r = content ? content->put(argument, page->form, memory) : -ENOENT;
        (void)fclose(memory);
        if (!content)
                (void)fprintf(stderr, "%s: there is nothing called \"%s\" to be written\n", page->path, what);
        put_at_home(out, text);
        return r;
}

static int renew(const struct page *page, char *old, FILE *out)
{
        bool skipping = false;

        for (char *rest = old, *line; (line = strsep(&rest, "\n"));) {
                if (skipping && strcmp(line, page->end) != 0)
                        continue;
                skipping = strncmp(line, page->begin, strlen(page->begin)) == 0;
                (void)fprintf(out, "%s%s", line, rest ? "\n" : "");
                int r = skipping ? put_content(page, line, out) : 0;
                if (r < 0)
                        return r;
        }
        if (skipping)
                (void)fprintf(stderr, "%s: \"%s\" is missing\n", page->path, page->end);
        return skipping ? -EINVAL : 0;
}

static int write_page(const char *path, const char *text)
{
        CLEANUP_FILE FILE *file = fopen(path, "we");

        return file && fputs(text, file) >= 0 ? 0 : -EIO;
}

static int do_page(const char *path, bool check)
{
        const struct page page = page_of(path);
        CLEANUP(file_done) struct file file = { 0 };
        CLEANUP_FREE char *old = NULL, *text = NULL;
        struct fault fault = { 0 };
        size_t size;

        if (file_read(path, PAGE_MAX, &file, &fault) < 0 || !(old = strdup(file.data))) {
                (void)fprintf(stderr, "%s: %s%s\n", path, fault.text, check ? ": run make manual" : "");
                return -EIO;
        }
        FILE *memory = open_memstream(&text, &size);
        if (!memory)
                return -ENOMEM;
        int r = renew(&page, old, memory);
        (void)fclose(memory);
        if (r < 0 || strcmp(text, file.data) == 0)
                return r;
        if (!check)
                return write_page(path, text);
        (void)fprintf(stderr, "%s: its lists are not those of the programs: run make manual\n", path);
        return -ESTALE;
}

int main(int argc, char *argv[])
{
        bool check = argc > 1 && strcmp(argv[1], "--check") == 0;
        int result = 0;

        if (argc < 3 + check)
                return EXIT_FAILURE;
        plugin_dir = argv[1 + check];
        for (int i = 2 + check; i < argc; i++)
                if (do_page(argv[i], check) < 0)
                        result = EXIT_FAILURE;
        return result;
}
