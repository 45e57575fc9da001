/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes/sysfs_plugin.h"

#include <setjmp.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/config_text.h"
#include "fakes/plugin_file.h"

struct mock_host *host;
char root[4096];

int sysfs_plugin_setup_bare(void **state, const char *plugin, const struct tree_entry *entries)
{
        if (config_text_setup(state) != 0)
                return -1;
        assert_non_null(getcwd(root, sizeof(root)));
        tree_make(root, entries);
        host = mock_host_load(plugin_file(plugin));
        return 0;
}

int sysfs_plugin_setup(void **state, const char *plugin, const struct tree_entry *entries)
{
        if (sysfs_plugin_setup_bare(state, plugin, entries) < 0)
                return -1;
        mock_option(host, "root", root);
        return 0;
}

int sysfs_plugin_teardown(void **state)
{
        int r = strcmp(mock_refusal(host), "") == 0 && mock_is_intact(host) ? 0 : -1;

        mock_host_free(host);
        return config_text_teardown(state) < 0 ? -1 : r;
}

double number_of(const char *channel)
{
        const struct sconce_value *value = mock_value(host, channel);

        if (!value || value->type != SCONCE_VALUE_NUMBER)
                fail_msg("%s has no number", channel);
        return value->number;
}

bool is_null(const char *channel)
{
        const struct sconce_value *value = mock_value(host, channel);

        return value && value->type == SCONCE_VALUE_NONE;
}

static void assert_sentence(const char *sentence)
{
        char expected[8192];
        const char *at = strstr(sentence, "ROOT");

        if (at)
                (void)snprintf(expected, sizeof(expected), "%.*s%s%s", (int)(at - sentence), sentence, root, at + 4);
        else
                (void)snprintf(expected, sizeof(expected), "%s", sentence);
        assert_string_equal(mock_error(host), expected);
}

void assert_read_fails(int error, const char *sentence)
{
        assert_int_equal(mock_read(host), error);
        assert_sentence(sentence);
}

void assert_start_fails(int error, const char *sentence)
{
        assert_int_equal(mock_start(host), error);
        assert_sentence(sentence);
}
