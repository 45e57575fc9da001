/* SPDX-License-Identifier: Apache-2.0 */
/* What the plugin saves, over its starts and stops. */
#include "sdk/mock/host.h"

static struct mock_saved **find_saved(const struct mock_host *host, const char *key)
{
        struct mock_saved **at = (struct mock_saved **)(uintptr_t)&host->saved;

        while (*at && strcmp((*at)->key, key) != 0)
                at = &(*at)->next;
        return at;
}

static void forget(struct mock_saved **at)
{
        struct mock_saved *gone = *at;

        *at = gone->next;
        free(gone->key);
        free(gone->text);
        free(gone);
}

static unsigned count_saved(const struct mock_host *host)
{
        unsigned count = 0;

        for (const struct mock_saved *saved = host->saved; saved; saved = saved->next)
                count++;
        return count;
}

static int put(struct mock_host *host, const char *key, const char *text)
{
        if (!key || !*key || strlen(key) > MOCK_SAVED_KEY)
                return mock_refuse(host, -EINVAL, "an invalid key was saved");
        if (text && strlen(text) > MOCK_SAVED_TEXT)
                return mock_refuse(host, -E2BIG, "more than %d bytes were saved as %s", MOCK_SAVED_TEXT, key);
        struct mock_saved **at = find_saved(host, key);
        if (*at)
                forget(at);
        if (!text)
                return 0;
        if (count_saved(host) >= MOCK_SAVED_MAX)
                return mock_refuse(host, -ENOSPC, "more than %d keys were saved", MOCK_SAVED_MAX);
        struct mock_saved *saved = calloc(1, sizeof(*saved));
        assert_non_null(saved);
        *saved = (struct mock_saved){ .next = host->saved, .key = strdup(key), .text = strdup(text) };
        host->saved = saved;
        return 0;
}

int mock_service_save(struct sconce_device *dev, const char *key, const char *text)
{
        struct mock_host *host = mock_host_of(dev);
        int r = mock_gate(host, true);

        return r < 0 ? r : put(host, key, text);
}

int mock_service_load(struct sconce_device *dev, const char *key, char *text, size_t size)
{
        struct mock_host *host = mock_host_of(dev);
        int r = mock_gate(host, true);

        if (r < 0)
                return r;
        const char *saved = mock_saved(host, key);
        if (!saved)
                return -ENODATA;
        if (strlen(saved) >= size)
                return -ENOSPC;
        memcpy(text, saved, strlen(saved) + 1);
        return (int)strlen(saved);
}

const char *mock_saved(const struct mock_host *host, const char *key)
{
        const struct mock_saved *saved = *find_saved(host, key);

        return saved ? saved->text : NULL;
}

void mock_save_text(struct mock_host *host, const char *key, const char *text)
{
        assert_int_equal(put(host, key, text), 0);
}
