/* SPDX-License-Identifier: Apache-2.0 */
/* keeper: saves what it is given ("KEY=TEXT", or "KEY" to forget), and reports what it finds under "k" at its
 * start. */
#include <stdio.h>
#include <string.h>

#include <sconce/plugin.h>

static const struct sconce_channel channels[] = {
        { .key = "found", .kind = SCONCE_TEXT },
        { .key = "save", .kind = SCONCE_TEXT, .flags = SCONCE_COMMAND_ONLY },
        { .key = NULL },
};

static int keeper_start(struct sconce_device *dev, void *instance)
{
        char text[64];

        (void)instance;
        return sconce_report_text(dev, "found", sconce_load(dev, "k", text, sizeof(text)) < 0 ? "nothing" : text);
}

static int keeper_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        const struct sconce_value *save = sconce_command_find(command, "save");
        char key[512], *text;

        (void)instance;
        if (!save)
                return 0;
        (void)snprintf(key, sizeof(key), "%s", save->text);
        text = strchr(key, '=');
        if (text)
                *text++ = '\0';
        return sconce_save(dev, key, text);
}

static const struct sconce_plugin keeper = {
        .name = "keeper",
        .summary = "Keeps texts",
        .instance_size = 1,
        .channels = channels,
        .start = keeper_start,
        .command = keeper_command,
};
SCONCE_PLUGIN(keeper)
