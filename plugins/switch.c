/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switch: anything that a GPIO line switches on and off: a pump, a fan, a socket, a door opener.
 *
 * The line drives a relay or a transistor; `active_low = yes` for the many relay boards that switch on at a low level.
 * The state at the start, at exit and without the broker, and the longest on-time are options of every output.
 *
 * It may be on for a limited time: `pulse` for every ON, `for` in a command for this one. And a pump or a compressor
 * that has just started has to run for `min_on`, one that has just stopped has to rest for `min_off`. A command
 * meanwhile waits as a wish: the newest is carried out when the time is over, and TOGGLE takes it back. The agent's
 * own commands (SCONCE_COMMAND_NOW) are carried out at once.
 *
 * An OFF that waits is carried out at the latest when the device stops, or by the next start if the agent was killed.
 * An ON that waits is dropped then, unless it was on before.
 *
 * How long it had been off before a boot is unknown, so the rest counts from the start then. So it does where a later
 * start of the boot finds the line off: a crash, an exit or the chip has left a gap. What is found on goes on.
 */
#include <string.h>

#include <sconce/plugin.h>

#define RETRY_US (1000 * 1000ULL) /* after a timer could not switch the line */

struct wish {
        bool is_there, on;
        bool is_of_start; /* it was on before the start: a further start of the boot must not forget that */
        uint64_t length_us;
};

/* What is saved of a wish. */
static const char wanted_on[] = "on", wanted_off[] = "off";

struct switch_line {
        struct sconce_line *line;
        uint64_t pulse_us, min_on_us, min_off_us;
        int device_class;

        struct sconce_timer *timer;
        bool on, is_timed;
        bool is_unsure;    /* the last change failed, and may have come through all the same */
        bool is_failing;   /* and it has been logged */
        uint64_t since_us; /* the last change, or the start */
        uint64_t end_us;   /* on until then; 0: until a command */
        struct wish wish;
};

/* Home Assistant's word for a socket; the others are a fan and a valve there. */
static const char *const classes[] = { "outlet", "fan", "valve", NULL };

static const struct sconce_option options[] = {
        SCONCE_OPTION_LINE(struct switch_line, line, "line", SCONCE_REQUIRED | SCONCE_OUTPUT, "GPIO line to switch"),
        SCONCE_OPTION_DURATION(struct switch_line, pulse_us, "pulse", SCONCE_TIMES_OUTPUT,
                               "How long it stays on at each ON; without it until OFF", .min = "10ms", .max = "365d"),
        SCONCE_OPTION_DURATION(struct switch_line, min_on_us, "min_on", 0, "Minimum on-time: an OFF before that waits",
                               .max = "1d"),
        SCONCE_OPTION_DURATION(struct switch_line, min_off_us, "min_off", 0,
                               "Minimum off-time: an ON before that waits", .max = "1d"),
        SCONCE_OPTION_ENUM(struct switch_line, device_class, "device_class", 0,
                           "What it switches; a home-automation system shows it as that", .choices = classes),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "state", .kind = SCONCE_SWITCH, .help = "Whether it is on" },
        { .key = "for",
          .kind = SCONCE_DURATION,
          .flags = SCONCE_COMMAND_ONLY,
          .unit = "s",
          .min = 0.01,
          .max = 365 * 86400.0,
          .help = "How long it is on, this time" },
        { .key = NULL },
};

/* ---- Switching ----------------------------------------------------------------------------------------- */

/* Until then it has to stay what it is. */
static uint64_t locked_until(const struct switch_line *self)
{
        return self->since_us + (self->on ? self->min_on_us : self->min_off_us);
}

/* The timer's next time; 0: never. */
static uint64_t next_due(const struct switch_line *self)
{
        uint64_t lock_us = locked_until(self);

        if (self->wish.is_there)
                return lock_us;
        return self->end_us > 0 && self->end_us < lock_us ? lock_us : self->end_us;
}

static void arm(struct sconce_device *dev, const struct switch_line *self)
{
        uint64_t due_us = next_due(self), now_us = sconce_now_us(dev);

        if (due_us == 0)
                (void)sconce_timer_disarm(dev, self->timer);
        else
                (void)sconce_timer_arm(dev, self->timer, due_us > now_us ? due_us - now_us : 0);
}

/* The agent has to know before it begins: this process may be gone before it is over. */
static int mark_timed(struct sconce_device *dev, struct switch_line *self, bool timed)
{
        int r = timed != self->is_timed ? sconce_timed(dev, timed) : 0;

        if (r == 0 || !timed)
                self->is_timed = timed;
        return r;
}

static bool is_off_waiting(const struct switch_line *self)
{
        return self->wish.is_there && !self->wish.on;
}

static const char *wanted_text(const struct switch_line *self)
{
        if (is_off_waiting(self))
                return wanted_off;
        return self->wish.is_there && self->wish.is_of_start ? wanted_on : NULL;
}

static void set_wish(struct sconce_device *dev, struct switch_line *self, struct wish wish)
{
        const char *before = wanted_text(self);

        self->wish = wish;
        if (wanted_text(self) != before)
                (void)sconce_save(dev, "wanted", wanted_text(self));
}

static int drive(struct sconce_device *dev, struct switch_line *self, bool on)
{
        if (on == self->on && !self->is_unsure)
                return 0;
        int r = sconce_line_set(dev, self->line, on);
        self->is_unsure = r < 0;
        if (r < 0)
                return r;
        self->on = on;
        self->since_us = sconce_now_us(dev);
        return 0;
}

static int switch_to(struct sconce_device *dev, struct switch_line *self, bool on, uint64_t length_us)
{
        bool timed = on && length_us > 0, was_timed = self->is_timed;

        int r = timed ? mark_timed(dev, self, true) : 0;
        if (r < 0)
                return r;
        r = drive(dev, self, on);
        if (r < 0) {
                (void)mark_timed(dev, self, was_timed);
                return r;
        }
        set_wish(dev, self, (struct wish){ .is_there = false });
        self->end_us = timed ? sconce_now_us(dev) + length_us : 0;
        (void)mark_timed(dev, self, timed);
        arm(dev, self);
        return 0;
}

static int report(struct sconce_device *dev, const struct switch_line *self)
{
        return sconce_report_bool(dev, "state", self->on);
}

static void switch_due(struct sconce_device *dev, void *instance, void *userdata)
{
        struct switch_line *self = instance;
        const struct wish off = { .is_there = true, .on = false };
        const struct wish *wish = self->wish.is_there ? &self->wish : &off;

        (void)userdata;
        int r = switch_to(dev, self, wish->on, wish->length_us);
        if (r < 0) {
                if (!self->is_failing)
                        sconce_log(dev, SCONCE_LOG_ERROR, "cannot be switched; trying again each second");
                (void)sconce_timer_arm(dev, self->timer, RETRY_US);
        }
        self->is_failing = r < 0;
        (void)report(dev, self);
}

/* It stays what it is, for as long as planned. */
static int take_back(struct sconce_device *dev, struct switch_line *self)
{
        set_wish(dev, self, (struct wish){ .is_there = false });
        arm(dev, self);
        return report(dev, self);
}

static int switch_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        struct switch_line *self = instance;
        const struct sconce_value *state = sconce_command_find(command, "state");
        const struct sconce_value *length = sconce_command_find(command, "for");
        bool on = state ? state->on : true, now = command->flags & SCONCE_COMMAND_NOW;
        uint64_t length_us = length ? (uint64_t)(length->number * 1e6) : self->pulse_us;

        if (!state && !length)
                return 0;
        if ((command->flags & SCONCE_COMMAND_TOGGLE) && self->wish.is_there)
                return take_back(dev, self);
        if (on != self->on && !now && sconce_now_us(dev) < locked_until(self)) {
                bool is_of_start = self->wish.is_of_start && length_us == 0;
                set_wish(dev, self,
                         (struct wish){
                                 .is_there = true, .on = on, .is_of_start = is_of_start, .length_us = length_us });
                arm(dev, self);
                return report(dev, self);
        }
        int r = switch_to(dev, self, on, length_us);
        return r < 0 ? r : report(dev, self);
}

/* The line is the truth, whatever has set it. */
static int switch_read(struct sconce_device *dev, void *instance)
{
        struct switch_line *self = instance;
        bool on;

        int r = sconce_line_get(dev, self->line, &on);
        if (r < 0)
                return r;
        if (on != self->on)
                self->since_us = sconce_now_us(dev);
        self->on = on;
        return report(dev, self);
}

/* ---- Life cycle ---------------------------------------------------------------------------------------- */

static int switch_configure(struct sconce_device *dev, void *instance)
{
        const struct switch_line *self = instance;
        struct sconce_channel state = channels[0];

        if (self->pulse_us != 0 && self->pulse_us < self->min_on_us) {
                sconce_error(dev, "pulse is shorter than min_on: it could not be switched off in time");
                return -EINVAL;
        }
        if (self->device_class >= 0)
                state.device_class = classes[self->device_class];
        return sconce_channel_add(dev, &state);
}

/* Whether it has been started in this boot before. */
static bool is_same_boot(struct sconce_device *dev)
{
        char boot[64], before[64];

        if (sconce_read_line("/proc/sys/kernel/random/boot_id", boot, sizeof(boot)) < 0)
                return false;
        bool same = sconce_load(dev, "boot", before, sizeof(before)) > 0 && strcmp(boot, before) == 0;
        if (!same)
                (void)sconce_save(dev, "boot", boot);
        return same;
}

/* Its first level, with what waited when the last run ended. */
static int first_level(struct sconce_device *dev, struct switch_line *self, bool is_same_boot)
{
        char text[8];
        bool is_there = sconce_load(dev, "wanted", text, sizeof(text)) > 0;
        bool on = is_there && strcmp(text, wanted_on) == 0;

        self->wish = (struct wish){ .is_there = is_there, .on = on, .is_of_start = on };
        if (is_there && !on)
                return 0;
        return on && is_same_boot ? 1 : sconce_first_level(dev, "state");
}

static int open_line(struct sconce_device *dev, struct switch_line *self, int first)
{
        int r = sconce_line_output(dev, self->line, first);

        return r < 0 ? r : sconce_line_get(dev, self->line, &self->on);
}

static int switch_start(struct sconce_device *dev, void *instance)
{
        struct switch_line *self = instance;
        bool same_boot = self->min_off_us > 0 && is_same_boot(dev);
        int first = first_level(dev, self, same_boot);
        bool was_on = self->min_off_us > 0 && first == 1;
        const struct wish again = {
                .is_there = true, .on = true, .is_of_start = self->pulse_us == 0, .length_us = self->pulse_us
        };

        if (was_on)
                first = same_boot ? SCONCE_LINE_KEEP : 0;
        self->since_us = sconce_now_us(dev);
        int r = sconce_timer_new(dev, switch_due, NULL, &self->timer);
        if (r == 0)
                r = open_line(dev, self, first);
        if (r < 0)
                return r;
        bool has_to_rest = was_on && !self->on;
        set_wish(dev, self, has_to_rest ? again : (struct wish){ .is_there = false });
        arm(dev, self);
        return report(dev, self);
}

static void switch_stop(struct sconce_device *dev, void *instance)
{
        const struct switch_line *self = instance;

        if (is_off_waiting(self))
                (void)sconce_line_set(dev, self->line, false);
}

static const struct sconce_plugin switch_plugin = {
        .name = "switch",
        .summary = "A switched output on a GPIO line, for a limited time if wanted",
        .instance_size = sizeof(struct switch_line),
        .options = options,
        .channels = channels,
        .configure = switch_configure,
        .start = switch_start,
        .stop = switch_stop,
        .command = switch_command,
        .read = switch_read,
};
SCONCE_PLUGIN(switch_plugin)
