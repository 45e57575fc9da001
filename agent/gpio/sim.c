/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated chip: a directory that behaves like the kernel's gpio-sim.
 *
 * A line that nobody drives reads its pull; writing the `pull` file is the outside world (a button, a door),
 * `value` shows what a lamp would do. The kernel module's habits are kept on purpose, so that what a test
 * proves here holds there: a bias in a request sets the pull and stays; an open-drain output that is "high"
 * only lets go, and gpio-sim then shows the level that the line had. A line is looked after by the process
 * that holds it; one that nobody holds, by whichever process notices first.
 *
 * inotify reports changes, so nothing runs while nothing happens. Removing the directory unplugs the chip.
 */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "gpio/gpio.h"
#include "gpio/sim_files.h"
#include "util/cleanup.h"

#define ALL_LINES ((1ULL << SIM_LINES) - 1) /* a bit each */

struct sim_request {
        struct line_request request;
        struct sim *sim;
        unsigned offset;
        bool output;
        int drive;
        int value_fd;
        void (*ready)(void *userdata);
        void *userdata;
        struct raw_edge queue[EDGE_QUEUE];
        size_t first, count;
        uint32_t lost;
        char consumer[GPIO_NAME_SIZE];
};

struct sim_line {
        struct sim_request *request;
        bool level; /* while we hold it: what `value` has */
        bool pull;  /* the last that was completely written */
        int pull_watch, dir_watch;
};

struct sim {
        struct chip chip;
        struct chip_place place;
        struct sim_dir dir;
        int inotify_fd;
        int parent_watch;
        sd_event_source *source;
        struct sim_line lines[SIM_LINES];
};

static struct sim *sim_of(struct chip *chip)
{
        return CONTAINER_OF(chip, struct sim, chip);
}

static struct sim_request *sim_request_of(struct line_request *request)
{
        return CONTAINER_OF(request, struct sim_request, request);
}

/* ---- Levels ----------------------------------------------------------------------------------------- */

static void queue_edge(struct sim_request *request, bool high, uint64_t monotonic_ns)
{
        if (request->count == EDGE_QUEUE) { /* the oldest goes: the last level is what counts */
                request->lost++;
                request->first = (request->first + 1) % EDGE_QUEUE;
                request->count--;
        }
        size_t at = (request->first + request->count++) % EDGE_QUEUE;
        request->queue[at] = (struct raw_edge){ .high = high, .monotonic_ns = monotonic_ns };
}

/* `edges` first: who sees the new value finds its edge there. */
static int show_level(struct sim *sim, struct sim_request *request, bool high, uint64_t *ret_ns)
{
        struct sim_line *line = &sim->lines[request->offset];

        if (line->level != high)
                *ret_ns = sim_log_edge(&sim->dir, request->offset, high);
        line->level = high;
        return sim_write_level(request->value_fd, high);
}

static void read_pull(struct sim *sim, unsigned offset)
{
        int pull = sim_read_pull(&sim->dir, offset);
        if (pull >= 0)
                sim->lines[offset].pull = pull;
}

/* A line that we hold as an input follows its pull at once, whether inotify or a reader made us look. */
static void follow_pull(struct sim *sim, struct sim_request *request)
{
        struct sim_line *line = &sim->lines[request->offset];
        uint64_t now_ns = 0;

        read_pull(sim, request->offset);
        if (request->output || line->pull == line->level)
                return;
        (void)show_level(sim, request, line->pull, &now_ns);
        queue_edge(request, line->level, now_ns);
}

/* With the chip locked: the value of a line that nobody holds becomes its pull. */
static void settle_free_line(struct sim *sim, unsigned offset)
{
        struct sim_line *line = &sim->lines[offset];
        char consumer[GPIO_NAME_SIZE];
        bool output;

        read_pull(sim, offset);
        if (sim_held_elsewhere(&sim->dir, offset, &output, consumer))
                return;
        line->level = sim_read_value(&sim->dir, offset) == 1;
        if (line->level == line->pull)
                return;
        CLEANUP_CLOSE int value_fd = sim_open_value(&sim->dir, offset);
        if (value_fd < 0)
                return;
        (void)sim_log_edge(&sim->dir, offset, line->pull);
        if (sim_write_level(value_fd, line->pull) == 0)
                line->level = line->pull;
}

/* ---- Changes from outside --------------------------------------------------------------------------- */

static int watch_path(struct sim *sim, unsigned offset, const char *file, uint32_t mask)
{
        char path[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%.*s/sim_gpio%u%s", PATH_MAX - 32, sim->dir.path, offset, file);
        int watch = inotify_add_watch(sim->inotify_fd, path, mask | IN_DONT_FOLLOW);
        return watch < 0 ? -errno : watch;
}

/* The file itself for what is written into it (the directory would report each of our own writes to `value`
 * too), and the directory for a file that an editor puts in its place. */
static int watch_line(struct sim *sim, unsigned offset)
{
        struct sim_line *line = &sim->lines[offset];

        line->dir_watch = watch_path(sim, offset, "", IN_CREATE | IN_MOVED_TO);
        if (line->dir_watch < 0)
                return line->dir_watch;
        line->pull_watch = watch_path(sim, offset, "/pull", IN_MODIFY);
        return line->pull_watch < 0 ? line->pull_watch : 0;
}

/* Which lines an event is about, as a set of bits. */
static uint64_t lines_of_event(struct sim *sim, const struct inotify_event *event)
{
        if (event->mask & IN_Q_OVERFLOW)
                return ALL_LINES;
        for (unsigned i = 0; i < SIM_LINES; i++) {
                if (sim->lines[i].pull_watch == event->wd)
                        return 1ULL << i;
                if (sim->lines[i].dir_watch == event->wd && event->len > 0 && strcmp(event->name, "pull") == 0) {
                        (void)watch_line(sim, i);
                        return 1ULL << i;
                }
        }
        return 0;
}

static bool is_removal(const struct sim *sim, const struct inotify_event *event)
{
        return event->wd == sim->parent_watch && event->len > 0 && strcmp(event->name, SIM_CHIP_NAME) == 0;
}

static void settle_lines(struct sim *sim, uint64_t changed)
{
        uint64_t ours = 0;

        for (unsigned i = 0; i < SIM_LINES; i++)
                ours |= sim->lines[i].request ? 1ULL << i : 0;
        if (changed & ~ours) {
                sim_lock(&sim->dir);
                for (unsigned i = 0; i < SIM_LINES; i++)
                        if (changed & ~ours & 1ULL << i)
                                settle_free_line(sim, i);
                sim_unlock(&sim->dir);
        }
        for (unsigned i = 0; i < SIM_LINES; i++)
                if (changed & 1ULL << i && sim->lines[i].request)
                        follow_pull(sim, sim->lines[i].request);
        for (unsigned i = 0; i < SIM_LINES; i++) {
                struct sim_request *request = sim->lines[i].request;
                if (request && request->count > 0 && request->ready)
                        request->ready(request->userdata);
        }
}

static int on_inotify(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct sim *sim = userdata;
        _Alignas(struct inotify_event) char buffer[4096];
        uint64_t changed = 0;
        bool removed = false;

        (void)source;
        (void)revents;
        ssize_t n = read(fd, buffer, sizeof(buffer));
        for (ssize_t at = 0; at < n;) {
                const struct inotify_event *event = (const void *)(buffer + at);
                changed |= lines_of_event(sim, event);
                removed |= is_removal(sim, event);
                at += (ssize_t)(sizeof(*event) + event->len);
        }
        if (changed)
                settle_lines(sim, changed);
        if (removed)
                sim->place.gone(sim->place.userdata, &sim->chip); /* frees it */
        return 0;
}

static int watch_everything(struct sim *sim)
{
        char parent[PATH_MAX];
        int r;

        sim->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (sim->inotify_fd < 0)
                return -errno;
        (void)snprintf(parent, sizeof(parent), "%s", sim->dir.path);
        *strrchr(parent, '/') = '\0';
        r = sim->parent_watch = inotify_add_watch(sim->inotify_fd, parent, IN_DELETE | IN_MOVED_FROM);
        if (r < 0)
                return -errno;
        for (unsigned i = 0; i < SIM_LINES; i++) {
                r = watch_line(sim, i);
                if (r < 0)
                        return r;
        }
        return loop_add_io(sim->place.loop, sim->inotify_fd, LOOP_OUTPUTS, on_inotify, sim, &sim->source);
}

/* ---- The chip --------------------------------------------------------------------------------------- */

static void sim_close(struct chip *chip)
{
        struct sim *sim = sim_of(chip);

        sd_event_source_disable_unref(sim->source);
        cleanup_closep(&sim->inotify_fd);
        sim_dir_done(&sim->dir);
        free(sim);
}

static int sim_open(const struct chip_place *place, struct chip **ret)
{
        struct sim *sim = calloc(1, sizeof(*sim));
        int r;

        if (!sim)
                return -ENOMEM;
        sim->chip = (struct chip){
                .ops = &sim_ops, .name = SIM_CHIP_NAME, .label = SIM_CHIP_LABEL, .n_lines = SIM_LINES
        };
        sim->place = *place;
        sim->inotify_fd = -1;
        r = sim_dir_open(place->path, &sim->dir);
        if (r < 0) {
                free(sim);
                return r;
        }
        r = watch_everything(sim);
        if (r < 0) {
                sim_close(&sim->chip);
                return r;
        }
        settle_lines(sim, ALL_LINES);
        *ret = &sim->chip;
        return 0;
}

static int sim_line_info(struct chip *chip, unsigned offset, struct line_info *ret)
{
        struct sim *sim = sim_of(chip);
        const struct sim_request *request = sim->lines[offset].request;
        struct line_info info = { .used = request };

        (void)snprintf(info.name, sizeof(info.name), "GPIO%u", offset);
        if (request) {
                info.output = request->output;
                memcpy(info.consumer, request->consumer, sizeof(info.consumer));
        } else {
                info.used = sim_held_elsewhere(&sim->dir, offset, &info.output, info.consumer);
        }
        *ret = info;
        return 0;
}

/* ---- Requests --------------------------------------------------------------------------------------- */

static bool lets_go(int drive, bool high)
{
        return drive == LINE_DRIVE_OPEN_DRAIN ? high : drive == LINE_DRIVE_OPEN_SOURCE ? !high : false;
}

static int apply_bias(struct sim *sim, unsigned offset, int bias)
{
        if (bias != LINE_BIAS_PULL_UP && bias != LINE_BIAS_PULL_DOWN)
                return 0;
        sim->lines[offset].pull = bias == LINE_BIAS_PULL_UP;
        return sim_write_pull(&sim->dir, offset, sim->lines[offset].pull);
}

static int sim_set(struct line_request *base, bool high)
{
        struct sim_request *request = sim_request_of(base);
        struct sim *sim = request->sim;
        uint64_t unused_ns;

        if (lets_go(request->drive, high))
                high = sim->lines[request->offset].level;
        return show_level(sim, request, high, &unused_ns);
}

/* With the chip locked or the line held: direction, bias and first level in one go. */
static int configure(struct sim *sim, struct sim_request *request, const struct request_spec *spec)
{
        struct sim_line *line = &sim->lines[request->offset];
        uint64_t unused_ns;
        int r;

        request->output = spec->mode == REQUEST_OUTPUT;
        request->drive = spec->drive;
        if (spec->mode == REQUEST_AS_IS)
                return 0;
        r = apply_bias(sim, request->offset, spec->bias);
        if (r < 0)
                return r;
        if (request->output && !lets_go(spec->drive, spec->high))
                return show_level(sim, request, spec->high, &unused_ns);
        if (spec->bias == LINE_BIAS_PULL_UP || spec->bias == LINE_BIAS_PULL_DOWN)
                return show_level(sim, request, line->pull, &unused_ns);
        return 0;
}

static int sim_reconfigure(struct line_request *base, const struct request_spec *spec)
{
        struct sim_request *request = sim_request_of(base);

        int r = sim_hold(&request->sim->dir, request->offset, spec->mode == REQUEST_OUTPUT, request->consumer);
        if (r < 0)
                return r;
        return configure(request->sim, request, spec);
}

static int request_locked(struct sim *sim, struct sim_request *request, const struct request_spec *spec)
{
        int r;

        settle_free_line(sim, spec->offset);
        r = sim_hold(&sim->dir, spec->offset, spec->mode == REQUEST_OUTPUT, request->consumer);
        if (r < 0)
                return r;
        r = configure(sim, request, spec);
        if (r < 0)
                sim_let_go(&sim->dir, spec->offset);
        return r;
}

static int sim_request(struct chip *chip, const struct request_spec *spec, struct line_request **ret)
{
        struct sim *sim = sim_of(chip);
        int r;

        if (spec->debounce_us > 0)
                return -ENOTSUP;
        if (sim->lines[spec->offset].request)
                return -EBUSY;
        CLEANUP_FREE struct sim_request *request = calloc(1, sizeof(*request));
        if (!request)
                return -ENOMEM;
        request->request.ops = &sim_ops;
        request->sim = sim;
        request->offset = spec->offset;
        request->ready = spec->ready;
        request->userdata = spec->userdata;
        (void)snprintf(request->consumer, sizeof(request->consumer), "%s", spec->consumer);
        request->value_fd = sim_open_value(&sim->dir, spec->offset);
        if (request->value_fd < 0)
                return request->value_fd;

        sim_lock(&sim->dir);
        r = request_locked(sim, request, spec);
        sim_unlock(&sim->dir);
        if (r < 0) {
                (void)close(request->value_fd);
                return r;
        }
        sim->lines[spec->offset].request = request;
        *ret = &TAKE_PTR(request)->request;
        return 0;
}

static void sim_release(struct line_request *base)
{
        CLEANUP_FREE struct sim_request *request = sim_request_of(base);
        struct sim *sim = request->sim;

        sim_lock(&sim->dir);
        sim->lines[request->offset].request = NULL;
        settle_free_line(sim, request->offset);
        sim_let_go(&sim->dir, request->offset);
        sim_unlock(&sim->dir);
        (void)close(request->value_fd);
}

static int sim_get(struct line_request *base)
{
        struct sim_request *request = sim_request_of(base);

        /* A change that inotify has not reported yet counts already; its edge waits in the queue until then. */
        if (!request->output)
                follow_pull(request->sim, request);
        return request->sim->lines[request->offset].level;
}

static int sim_read_edges(struct line_request *base, struct raw_edge *edges, size_t max)
{
        struct sim_request *request = sim_request_of(base);
        size_t n = 0;

        for (; n < max && request->count > 0; request->count--) {
                edges[n] = request->queue[request->first];
                edges[n++].lost = request->lost;
                request->lost = 0;
                request->first = (request->first + 1) % EDGE_QUEUE;
        }
        return (int)n;
}

const struct chip_ops sim_ops = {
        .open = sim_open,
        .close = sim_close,
        .line_info = sim_line_info,
        .request = sim_request,
        .reconfigure = sim_reconfigure,
        .set = sim_set,
        .get = sim_get,
        .read_edges = sim_read_edges,
        .release = sim_release,
};
