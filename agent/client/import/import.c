/* SPDX-License-Identifier: Apache-2.0 */
#include "client/import/import.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "client/arguments.h"
#include "client/command.h"
#include "client/import/draft.h"
#include "client/import/mqtt_io.h"
#include "client/import/rpi_gpio.h"
#include "client/shown.h"
#include "util/file.h"
#include "util/text.h"

static const struct import_source {
        const char *name;
        bool (*is)(const struct tree_node *root);
        void (*import)(struct import *import, const struct tree_node *root);
} sources[] = {
        { "mqtt-io", mqtt_io_is, mqtt_io_import },
        { "Home Assistant's rpi_gpio", rpi_gpio_is, rpi_gpio_import },
};

static const struct import_source *source_of(const struct tree_node *root)
{
        for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
                if (sources[i].is(root))
                        return &sources[i];
        return NULL;
}

static void put_head(FILE *out, const struct import_source *source)
{
        fprintf(out,
                "# Made by `sconce import` from a config of %s. Compare it with what is wired,\n"
                "# then: sconced --check --config THIS_FILE\n",
                source->name);
}

static int import_tree(struct import *import, const struct tree_node *root)
{
        const struct import_source *source = root ? source_of(root) : NULL;

        if (tree_is_null(root))
                import_note(import, 1, "the file is empty");
        else if (root->kind == TREE_LIST)
                import_note(import, root->line,
                            "a list: put the section's name above it, as in `switch:`, and indent it");
        else if (!source)
                import_note(import, root->line,
                            "neither a config of mqtt-io (digital_inputs, digital_outputs, ...) nor one of "
                            "Home Assistant with switch, binary_sensor or cover");
        if (!source)
                return -ENOENT;
        put_head(import->out, source);
        source->import(import, root);
        if (!import->devices)
                import_note(import, root->line, "no device could be made of it");
        return import->failed ? -ENOMEM : import->devices ? 0 : -ENOENT;
}

/* Kept back until it is known that there is something. */
static int import_kept(struct import *import, const struct tree_node *root, FILE *out)
{
        CLEANUP_FREE char *text = NULL;
        size_t size = 0;

        import->out = open_memstream(&text, &size);
        if (!import->out)
                return -ENOMEM;
        int r = import_tree(import, root);
        if (fclose(import->out) != 0 && r == 0)
                r = -ENOMEM;
        if (r == 0 && fwrite(text, 1, size, out) != size)
                r = -EIO;
        return r;
}

int import_text(const char *path, const char *text, size_t size, FILE *out, FILE *notes)
{
        struct import import = { .path = path, .notes = notes };
        struct fault fault = { 0 };
        struct tree tree;

        int r = tree_read(text, size, &tree, &fault);
        if (r == -EINVAL) {
                text_defang(fault.text);
                fprintf(notes, "%s:%s\n", path, fault.text);
        } else if (r == 0) {
                r = import_kept(&import, tree.root, out);
        }
        import_done(&import);
        tree_done(&tree);
        return r;
}

/* ---- The command --------------------------------------------------------------------------------------------- */

/* Never over a file: it may be the config that is in use. */
static FILE *open_output(const char *path)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

        if (!out)
                shown_say("%s: %s", path,
                          errno == EEXIST ? "is there already: name a file that is not" : strerror(errno));
        if (!out && fd >= 0)
                (void)close(fd);
        return out;
}

static int import_to(const char *path, const struct file *file, const char *output)
{
        CLEANUP_FREE char *text = NULL;
        size_t size = 0;
        FILE *kept = open_memstream(&text, &size);
        int r = kept ? import_text(path, file->data, file->size, kept, stderr) : -ENOMEM;

        if (kept && fclose(kept) != 0 && r == 0)
                r = -ENOMEM;
        if (r == -ENOMEM)
                shown_say("%s", strerror(ENOMEM));
        if (r < 0)
                return r;
        CLEANUP_FILE FILE *opened = output ? open_output(output) : NULL;
        if (output && !opened)
                return -EEXIST;
        FILE *out = output ? opened : stdout;
        if (fwrite(text, 1, size, out) != size || fflush(out) != 0) {
                shown_say("%s: cannot write: %s", output ? output : "standard output", strerror(errno));
                if (output)
                        (void)unlink(output);
                return -EIO;
        }
        return 0;
}

static int import_run(const struct arguments *arguments)
{
        const char *path = arguments->words[0];
        struct fault fault = { 0 };
        struct file file = { 0 };

        if (file_read(path, TREE_BYTES_MAX, &file, &fault) < 0) {
                shown_say("%s: %s", path, fault.text);
                return EXIT_REFUSED;
        }
        int r = import_to(path, &file, arguments->output);
        file_done(&file);
        return r < 0 ? EXIT_REFUSED : 0;
}

const struct client_command command_import = {
        .name = "import",
        .words = "FILE",
        .summary = "Makes a sconce.conf from a config of mqtt-io or rpi_gpio",
        .text = "FILE is the YAML config of mqtt-io, or one of Home Assistant with rpi_gpio or remote_rpi_gpio below "
                "switch,\n"
                "binary_sensor and cover. The config goes to standard output, or with --output into a file that is not "
                "there\n"
                "yet. What cannot be kept is on standard error, line by line. No broker is asked.\n\n"
                "Examples:\n"
                "  sconce import config.yml\n"
                "  sconce import config.yml --output sconce.conf\n",
        .min = 1,
        .max = 1,
        .run = import_run,
};
