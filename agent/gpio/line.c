/* SPDX-License-Identifier: Apache-2.0 */
#include "gpio/kept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/clock.h"

/* Kernels before 5.7 stamp edges with the wall clock: what lies further back than this is no monotonic time. */
#define OLDEST_EDGE_NS (60 * NSEC_PER_SEC)
#define CLOCK_READINGS 3
/* An oscillating input must not keep the loop to itself. */
#define MAX_READS 4
/* The service manager closes what it was asked to let go of a moment later, on a thread. */
#define BUSY_TRIES   10
#define BUSY_WAIT_US 2000

/* ---- Faults ----------------------------------------------------------------------------------------- */

static int explain_busy(const struct sconce_line *line, const struct line_info *info, struct fault *fault)
{
        if (info->consumer[0])
                return fault_set(fault, -EBUSY, "%s is in use by \"%s\"", line->text, info->consumer);
        return fault_set(fault, -EBUSY,
                         "%s: the pin is in use by the kernel or a peripheral (I2C, SPI, PWM, UART …); "
                         "switch that off in the boot configuration or take another line",
                         line->text);
}

static int explain_gone(const struct sconce_line *line, struct chip *chip, struct fault *fault)
{
        chip->gone = true;
        return fault_set(fault, -ENODEV, "%s: the chip %s is gone (unplugged?)", line->text, chip->name);
}

/* What a refused request means, with the help of the chip's own record of it. */
static COLD int explain_request(const struct sconce_line *line, const struct line_place *place, int code,
                                struct fault *fault)
{
        struct line_info info = { .used = false };
        int r = place->chip->ops->line_info(place->chip, place->offset, &info);

        if (r == -ENODEV)
                return explain_gone(line, place->chip, fault);
        /* The chip is there and knows the line: it is the interrupt that is missing, in both kernel interfaces. */
        if (code == -ENODEV || code == -ENXIO)
                return fault_set(fault, -ENOTSUP,
                                 "%s: %s has no interrupt (left) for this line, and without one "
                                 "its changes are not seen",
                                 line->text, place->chip->name);
        /* A pin that is muxed to a peripheral is refused with any of these, and shown without a consumer. */
        if (code == -EBUSY || (info.used && (code == -EINVAL || code == -EPERM || code == -EACCES)))
                return explain_busy(line, &info, fault);
        if (code == -EACCES || code == -EPERM)
                return fault_set(fault, -EACCES, "%s: %s refuses this program: permission denied", line->text,
                                 place->chip->name);
        if (code == -EINVAL || code == -ENOTSUP)
                return fault_set(fault, code,
                                 "%s: %s refuses these settings (does it have bias, drive, interrupts?): %s",
                                 line->text, place->chip->name, strerror(-code));
        return fault_set(fault, code, "%s: %s refuses the line: %s", line->text, place->chip->name, strerror(-code));
}

static int not_open(const struct sconce_line *line, struct fault *fault)
{
        return fault_set(fault, -ENODEV, "%s is not open", line->text);
}

/* ---- Opening and closing ---------------------------------------------------------------------------- */

static void link_line(struct gpio *gpio, struct sconce_line *line, const struct line_place *place)
{
        line->gpio = gpio;
        line->place = *place;
        line->next = gpio->lines;
        gpio->lines = line;
}

static void unlink_line(struct sconce_line *line)
{
        for (struct sconce_line **at = &line->gpio->lines; *at; at = &(*at)->next) {
                if (*at == line) {
                        *at = line->next;
                        break;
                }
        }
        line->gpio = NULL;
        line->place.chip = NULL;
}

void line_close(struct sconce_line *line)
{
        if (line->closed) {
                *line->closed = true;
                line->closed = NULL;
        }
        line->events = sd_event_source_disable_unref(line->events);
        debounce_free(TAKE_PTR(line->debounce));
        timer_free(TAKE_PTR(line->first_timer));
        line->first = NULL;
        if (line->request && !kept_park(line))
                line->request->ops->release(line->request);
        line->request = NULL;
        if (line->gpio)
                unlink_line(line);
}

bool line_is_open(const struct sconce_line *line)
{
        return line->request;
}

bool line_is_settled(const struct sconce_line *line)
{
        return line->is_settled;
}

void line_on_first(struct sconce_line *line, void (*fn)(void *userdata))
{
        line->first = fn;
}

static int find_place(struct gpio *gpio, struct sconce_line *line, struct line_place *ret, struct fault *fault)
{
        if (line->request)
                return fault_set(fault, -EEXIST, "%s is already open", line->text);
        int r = line_resolve(gpio, line, ret, fault);
        for (struct sconce_line *other = gpio->lines; r == 0 && other; other = other->next)
                if (other->place.chip == ret->chip && other->place.offset == ret->offset)
                        r = fault_set(fault, -EEXIST, "%s is already in use here, as \"%s\"", line->text, other->text);
        return r;
}

static int request_line(struct sconce_line *line, struct request_spec *spec)
{
        const struct chip_ops *ops = line->place.chip->ops;

        spec->offset = line->place.offset;
        spec->consumer = line->gpio->consumer;
        spec->userdata = line;
        int r = ops->request(line->place.chip, spec, &line->request);
        bool may_be_ours = r == -EBUSY && kept_sync(line->gpio);
        for (unsigned i = 0; r == -EBUSY && may_be_ours && i < BUSY_TRIES; i++) {
                if (i > 0)
                        (void)usleep(BUSY_WAIT_US);
                r = ops->request(line->place.chip, spec, &line->request);
        }
        return r;
}

/* What the line shows is read first and driven then, by the same request: it is never let go in between. */
static int request_as_found(struct sconce_line *line, const struct request_spec *output)
{
        struct request_spec as_is = { .mode = REQUEST_AS_IS }, driven = *output;
        int r = request_line(line, &as_is);

        if (r < 0)
                return r;
        r = line->request->ops->get(line->request);
        if (r < 0)
                return r;
        driven.offset = as_is.offset;
        driven.consumer = as_is.consumer;
        driven.high = r;
        return line->request->ops->reconfigure(line->request, &driven);
}

static int request_output(struct sconce_line *line, struct request_spec *spec, int first_value)
{
        spec->offset = line->place.offset;
        spec->consumer = line->gpio->consumer;
        if (kept_take(line, spec, first_value))
                return 0;
        int r = first_value < 0 ? request_as_found(line, spec) : request_line(line, spec);
        return r < 0 ? r : kept_update(line);
}

COLD int line_open_output(struct gpio *gpio, struct sconce_line *line, int first_value, line_edge_fn on_gone,
                          void *userdata, struct fault *fault)
{
        struct request_spec spec = { .mode = REQUEST_OUTPUT,
                                     .high = (first_value > 0) != line->settings.active_low,
                                     .bias = line->settings.bias,
                                     .drive = line->settings.drive };
        struct line_place place;
        int r = find_place(gpio, line, &place, fault);

        if (r == 0) {
                link_line(gpio, line, &place);
                r = request_output(line, &spec, first_value);
                if (r < 0) {
                        line_close(line);
                        r = explain_request(line, &place, r, fault);
                }
        }
        chips_trim(gpio);
        if (r < 0)
                return r;
        line->fn = on_gone;
        line->userdata = userdata;
        return 0;
}

/* ---- Inputs ----------------------------------------------------------------------------------------- */

void line_gone(struct sconce_line *line)
{
        line_edge_fn fn = line->fn;
        void *userdata = line->userdata;
        struct fault fault;

        (void)explain_gone(line, line->place.chip, &fault);
        line_close(line);
        if (fn)
                fn(userdata, NULL, &fault);
}

/* The kernel stamps with CLOCK_MONOTONIC, the agent with CLOCK_BOOTTIME: both agree on how long ago it was. A delay
 * between the two readings makes it seem later, so the earliest of a few counts. */
static uint64_t boottime_us(const struct loop *loop, uint64_t monotonic_ns)
{
        uint64_t earliest_us = UINT64_MAX;

        if (loop->fake)
                return loop->fake_now_us;
        for (int i = 0; i < CLOCK_READINGS; i++) {
                uint64_t now_ns = clock_monotonic_ns();
                bool plausible = monotonic_ns <= now_ns && now_ns - monotonic_ns < OLDEST_EDGE_NS;
                uint64_t ago_us = plausible ? (now_ns - monotonic_ns) / NSEC_PER_USEC : 0;
                uint64_t time_us = loop_now_us(loop) - ago_us;
                earliest_us = MIN(earliest_us, time_us);
        }
        return earliest_us;
}

/* Of one line never back, however the clocks were read. */
static uint64_t edge_time_us(struct sconce_line *line, uint64_t monotonic_ns)
{
        uint64_t time_us = boottime_us(line->gpio->loop, monotonic_ns);

        line->edge_us = line->edge_us > time_us ? line->edge_us : time_us;
        return line->edge_us;
}

static void report(struct sconce_line *line, bool high, uint64_t time_us)
{
        const struct line_edge edge = { .active = high != line->settings.active_low,
                                        .lost = line->lost,
                                        .time_us = time_us };

        line->high = high;
        line->lost = 0;
        line->fn(line->userdata, &edge, NULL);
}

static int look(void *userdata)
{
        struct sconce_line *line = userdata;
        return line->request->ops->get(line->request);
}

static void on_settled(void *userdata, bool high, uint64_t time_us)
{
        report(userdata, high, time_us);
}

static void on_first(void *userdata, bool high)
{
        struct sconce_line *line = userdata;

        line->high = high;
        line->lost = 0;
        line->is_settled = true;
        if (line->first_timer)
                timer_disarm(line->first_timer);
        if (line->first)
                line->first(line->userdata);
}

static const struct debounce_ops debounce_ops = { .look = look, .first = on_first, .settled = on_settled };

/* The kernel debounces, and has reported no change for so long: what it showed at the request was stable. */
static void on_first_time(void *userdata)
{
        struct sconce_line *line = userdata;

        on_first(line, line->high);
}

static void on_raw_edge(struct sconce_line *line, bool high, uint64_t time_us)
{
        if (line->debounce)
                debounce_edge(line->debounce, high, time_us);
        else if (!line->is_settled) /* by the kernel */
                on_first(line, high);
        else if (high != line->high) /* a lost edge in between would make two of a kind */
                report(line, high, time_us);
}

/* A full queue may have lost the newest edges, so the level counts; once it is empty, since what it holds is older. */
static void catch_up(struct sconce_line *line)
{
        int high = line->request->ops->get(line->request);

        if (high >= 0)
                on_raw_edge(line, high, loop_now_us(line->gpio->loop));
}

static int take_edges(struct sconce_line *line, const bool *closed)
{
        struct raw_edge edges[EDGE_QUEUE];
        int n = EDGE_QUEUE;

        for (int reads = 0; reads < MAX_READS && n > 0; reads++) {
                n = line->request->ops->read_edges(line->request, edges, ARRAY_SIZE(edges));
                for (int i = 0; i < n; i++) {
                        line->lost += edges[i].lost;
                        on_raw_edge(line, edges[i].high, edge_time_us(line, edges[i].monotonic_ns));
                        if (*closed)
                                return 0;
                }
                if (n < 0)
                        return n;
                line->was_full |= n == EDGE_QUEUE;
        }
        if (line->was_full && n < EDGE_QUEUE) {
                line->was_full = false;
                catch_up(line);
        }
        return 0;
}

static void serve(struct sconce_line *line, bool hung_up)
{
        bool closed = false;

        line->closed = &closed;
        int r = take_edges(line, &closed);
        if (closed)
                return;
        line->closed = NULL;
        if (hung_up || r == -ENODEV)
                line_gone(line);
}

static void on_ready(void *userdata)
{
        serve(userdata, false);
}

static int on_event_fd(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        (void)source;
        (void)fd;
        serve(userdata, revents & (EPOLLHUP | EPOLLERR));
        return 0;
}

static int request_input(struct sconce_line *line)
{
        struct request_spec spec = { .mode = REQUEST_INPUT, .bias = line->settings.bias, .ready = on_ready };
        uint64_t stable_us = line->settings.debounce_us;
        int r = -ENOTSUP;

        kept_drop(line->gpio, &line->place);
        if (stable_us > 0 && stable_us <= UINT32_MAX) {
                spec.debounce_us = (uint32_t)stable_us;
                r = request_line(line, &spec);
        }
        if (stable_us == 0 || r == -ENOTSUP) {
                spec.debounce_us = 0;
                r = request_line(line, &spec);
                if (r == 0 && stable_us > 0)
                        r = debounce_new(line->gpio->loop, stable_us, &debounce_ops, line, &line->debounce);
        }
        return r;
}

/* What the kernel's debounce shows at the request is what the line showed then, not what was stable. A level
 * that changed within the first `debounce` is reported within the second. */
static int await_first(struct sconce_line *line)
{
        int r = timer_new(line->gpio->loop, TIMER_EXACT_US, on_first_time, line, &line->first_timer);

        if (r == 0)
                timer_arm(line->first_timer, 2 * line->settings.debounce_us);
        return r;
}

static int start_input(struct sconce_line *line)
{
        int r = request_input(line);

        if (r < 0)
                return r;
        r = line->request->ops->get(line->request);
        if (r < 0)
                return r;
        line->high = r;
        line->lost = 0;
        line->edge_us = 0;
        line->was_full = false;
        line->is_settled = line->settings.debounce_us == 0;
        r = 0;
        if (line->debounce)
                debounce_start(line->debounce, line->high);
        else if (!line->is_settled)
                r = await_first(line);
        if (r < 0)
                return r;
        if (!line->request->ops->event_fd)
                return 0;
        r = line->request->ops->event_fd(line->request);
        if (r < 0)
                return r;
        return loop_add_io(line->gpio->loop, r, LOOP_OUTPUTS, on_event_fd, line, &line->events);
}

COLD int line_open_input(struct gpio *gpio, struct sconce_line *line, line_edge_fn on_edge, void *userdata,
                         struct fault *fault)
{
        struct line_place place;
        int r = find_place(gpio, line, &place, fault);

        if (r == 0) {
                line->fn = on_edge;
                line->userdata = userdata;
                link_line(gpio, line, &place);
                r = start_input(line);
                if (r < 0) {
                        line_close(line);
                        r = explain_request(line, &place, r, fault);
                }
        }
        chips_trim(gpio);
        return r;
}

/* ---- Levels ----------------------------------------------------------------------------------------- */

static int explain_use(struct sconce_line *line, int code, struct fault *fault)
{
        if (code != -ENODEV)
                return fault_set(fault, code, "%s: %s", line->text, strerror(-code));
        (void)explain_gone(line, line->place.chip, fault);
        line_close(line);
        return -ENODEV;
}

int line_set(struct sconce_line *line, bool active, struct fault *fault)
{
        if (!line->request)
                return not_open(line, fault);
        int r = line->request->ops->set(line->request, active != line->settings.active_low);
        return r < 0 ? explain_use(line, r, fault) : 0;
}

int line_get(struct sconce_line *line, bool *ret_active, struct fault *fault)
{
        if (!line->request)
                return not_open(line, fault);
        /* While it bounces, a debounced line shows what it showed before: else a reading could report a level that
         * comes back, and no edge would correct it. */
        int r = line->debounce ? debounce_level(line->debounce) : line->request->ops->get(line->request);
        if (r < 0)
                return explain_use(line, r, fault);
        *ret_active = (bool)r != line->settings.active_low;
        return 0;
}
