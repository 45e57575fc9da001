/* SPDX-License-Identifier: Apache-2.0 */
/* Fake lines. */
#include "sdk/mock/host.h"

static int open_line(struct mock_host *host, struct sconce_line *line, bool output)
{
        int r = mock_gate(host, true);

        if (r < 0)
                return r;
        if (!line)
                return mock_refuse(host, -EINVAL, "a line was opened that no option names");
        if (line->declared_output != output)
                return mock_refuse(host, -EINVAL, "%s was opened as an %s and is declared as the other", line->name,
                                   output ? "output" : "input");
        if (line->error)
                return line->error;
        if (line->is_open)
                return -EBUSY;
        line->is_open = true;
        line->is_output = output;
        line->sets = 0;
        return 0;
}

int mock_service_line_output(struct sconce_device *dev, struct sconce_line *line, int first_value)
{
        int r = open_line(mock_host_of(dev), line, true);

        if (r < 0)
                return r;
        line->first_value = first_value;
        if (first_value != SCONCE_LINE_KEEP)
                line->active = first_value != 0;
        return 0;
}

int mock_service_line_input(struct sconce_device *dev, struct sconce_line *line, sconce_line_fn fn)
{
        int r = open_line(mock_host_of(dev), line, false);

        if (r == 0)
                line->fn = fn;
        return r;
}

static int use_line(struct mock_host *host, const struct sconce_line *line, bool as_output)
{
        int r = mock_gate(host, true);

        if (r < 0)
                return r;
        if (!line)
                return mock_refuse(host, -EINVAL, "a line was used that no option names");
        if (line->error)
                return line->error;
        if (!line->is_open || (as_output && !line->is_output))
                return -ENODEV;
        return 0;
}

int mock_service_line_set(struct sconce_device *dev, struct sconce_line *line, bool active)
{
        int r = use_line(mock_host_of(dev), line, true);

        if (r < 0)
                return r;
        line->active = active;
        line->sets++;
        return 0;
}

int mock_service_line_get(struct sconce_device *dev, struct sconce_line *line, bool *ret_active)
{
        int r = use_line(mock_host_of(dev), line, false);

        if (r == 0)
                *ret_active = line->active;
        return r;
}

/* ---- What the test does with them ---------------------------------------------------------------------- */

struct sconce_line *mock_line(struct mock_host *host, const char *name)
{
        for (struct sconce_line *line = host->lines; line; line = line->next)
                if (strcmp(line->name, name) == 0)
                        return line;
        fail_msg("no option names a line %s", name);
        abort();
}

struct sconce_line *mock_lines(struct mock_host *host)
{
        return host->lines;
}

void mock_edge(struct mock_host *host, const char *name, bool active)
{
        mock_edge_at(host, name, active, host->now_us, 0);
}

void mock_edge_at(struct mock_host *host, const char *name, bool active, uint64_t time_us, uint32_t lost)
{
        struct sconce_line *line = mock_line(host, name);
        const struct sconce_edge edge = { .line = line, .active = active, .lost = lost, .time_us = time_us };

        line->active = active;
        if (!line->is_open || !line->fn)
                return;
        uint64_t entered_us = mock_enter(host);
        line->fn(&host->device, host->instance, &edge);
        (void)mock_leave(host, entered_us, 0);
}
