/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lamp: a lamp, switched by a GPIO line, or dimmed by a PWM channel or a kernel LED.
 *
 * A line drives a relay, a transistor or an LED; `active_low = yes` for the many relay boards that switch on at a low
 * level; it inverts the duty of a PWM channel. A PWM channel and an LED have levels between dark and full, so such a
 * lamp has a brightness too, from 1 to 255, that is kept while it is off.
 *
 * The target is reported at once; the light follows. What it shows at a moment is computed from the time alone: where
 * a fade has got to, and over it an effect or a flash. So a late timer makes a step late, never the fade longer, and
 * an interrupted fade goes on from where it is.
 *
 * The state at the start, at exit and without the broker, and the longest on-time are options of every output.
 */
#include <math.h>
#include <string.h>

#include <sconce/plugin.h>

#define STEP_US    (20 * 1000ULL)   /* 50 steps a second */
#define HALF_US    (500 * 1000ULL)  /* blinking: on, then off, for so long each */
#define BREATH_US  (4000 * 1000ULL) /* breathing: from full to full */
#define RETRY_US   (1000 * 1000ULL) /* after a step that the hardware refused */
#define BRIGHT_MAX 255.0
#define GAMMA      2.2 /* unless the section says another */

enum effect { EFFECT_NONE, EFFECT_BLINK, EFFECT_BREATHE };

/* What the light does. */
struct scene {
        bool on;
        double brightness; /* 1 to 255, kept while off */
        enum effect effect;
        uint64_t effect_from_us;
        double fade_from; /* brightness, 0 to 255 */
        uint64_t fade_from_us, fade_us;
        uint64_t flash_from_us, flash_us; /* 0: it does not flash */
};

struct lamp {
        struct sconce_line *line;
        struct sconce_dimmer *pwm, *led;
        int64_t frequency_hz;
        bool is_dimmed; /* the option `dimmable`, and no line */
        double min_pct, max_pct, gamma;
        uint64_t transition_us;

        struct sconce_dimmer *dimmer; /* the one of the two */
        struct sconce_timer *timer;
        struct scene scene;
        bool is_timed;
        bool is_unshown; /* the hardware has refused what the lamp is to show */
        bool is_failing; /* and it has been logged */
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_LINE(struct lamp, line, "line", SCONCE_OUTPUT, "GPIO line that switches the lamp"),
        SCONCE_OPTION_PWM(struct lamp, pwm, "pwm", SCONCE_OUTPUT,
                          "PWM channel that dims the lamp: CHIP:CHANNEL in /sys/class/pwm"),
        SCONCE_OPTION_LED(struct lamp, led, "led", SCONCE_OUTPUT,
                          "Kernel LED that is the lamp: a name in /sys/class/leds"),
        SCONCE_OPTION_INT(struct lamp, frequency_hz, "frequency", 0, "Frequency of the PWM channel", .def = "1000",
                          .min = "1", .max = "1000000", .unit = "Hz", .needs = "pwm"),
        SCONCE_OPTION_BOOL(struct lamp, is_dimmed, "dimmable", 0,
                           "Whether a PWM channel or LED has levels between off and on", .def = "yes",
                           .needs = "pwm led"),
        SCONCE_OPTION_PERCENT(struct lamp, min_pct, "min_level", 0,
                              "Level at brightness 1: where the lamp begins to glow", .def = "0", .needs = "pwm led"),
        SCONCE_OPTION_PERCENT(struct lamp, max_pct, "max_level", 0, "Level at brightness 255", .def = "100",
                              .needs = "pwm led"),
        SCONCE_OPTION_FLOAT(struct lamp, gamma, "gamma", 0,
                            "Curve from brightness to level: 1 is linear, more gives finer steps in the dark",
                            .def = "2.2", .min = "0.1", .max = "10", .needs = "pwm led"),
        SCONCE_OPTION_DURATION(struct lamp, transition_us, "transition", 0,
                               "How long a change of brightness takes where the command does not set it", .def = "0ms",
                               .max = "1h", .needs = "pwm led"),
        { .key = NULL },
};

static const char *const effects[] = {
        [EFFECT_NONE] = "none", [EFFECT_BLINK] = "blink", [EFFECT_BREATHE] = "breathe", NULL
};
static const char *const line_effects[] = { [EFFECT_NONE] = "none", [EFFECT_BLINK] = "blink", NULL };

static const struct sconce_channel channels[] = {
        { .key = "state", .kind = SCONCE_LIGHT, .help = "Whether the lamp is on" },
        { .key = "effect",
          .kind = SCONCE_SELECT,
          .choices = effects,
          .help = "What it does while it is on; a lamp on a line does not breathe and does not publish it" },
        { .key = "flash",
          .kind = SCONCE_DURATION,
          .flags = SCONCE_COMMAND_ONLY,
          .unit = "s",
          .min = 1,
          .max = 60,
          .help = "Blinks for so long, then returns to what it was or what the command sets" },
        { .key = NULL },
};

/* Of a dimmed lamp. */
static const struct sconce_channel brightness_row = { .key = "brightness",
                                                      .kind = SCONCE_NUMBER,
                                                      .min = 1,
                                                      .max = BRIGHT_MAX,
                                                      .step = 1,
                                                      .help = "How bright it is, or will be when it is on" };
static const struct sconce_channel transition_row = { .key = "transition",
                                                      .kind = SCONCE_DURATION,
                                                      .flags = SCONCE_COMMAND_ONLY,
                                                      .unit = "s",
                                                      .max = 3600,
                                                      .help = "How long this change takes" };

/* ---- What the light does at a moment ------------------------------------------------------------------- */

static double target_of(const struct scene *scene)
{
        return scene->on ? scene->brightness : 0;
}

static bool is_fading(const struct scene *scene, uint64_t now_us)
{
        return now_us < scene->fade_from_us + scene->fade_us;
}

static bool is_flashing(const struct scene *scene, uint64_t now_us)
{
        return now_us < scene->flash_from_us + scene->flash_us;
}

/* Where the fade has got to. */
static double faded(const struct scene *scene, uint64_t now_us)
{
        double target = target_of(scene);

        if (!is_fading(scene, now_us))
                return target;
        return scene->fade_from +
               (target - scene->fade_from) * (double)(now_us - scene->fade_from_us) / (double)scene->fade_us;
}

static bool is_first_half(uint64_t from_us, uint64_t now_us)
{
        return (now_us - from_us) / HALF_US % 2 == 0;
}

static double breath(double full, uint64_t since_us)
{
        const double turn = 2 * acos(-1);
        double phase = (double)(since_us % BREATH_US) / (double)BREATH_US;

        return fmax(full * (0.5 + 0.5 * cos(turn * phase)), fmin(full, 1));
}

/* The brightness that it shows, 0 to 255. A flash begins with the opposite. */
static double shown(const struct scene *scene, uint64_t now_us)
{
        double base = faded(scene, now_us);

        if (is_flashing(scene, now_us))
                return is_first_half(scene->flash_from_us, now_us) != scene->on ? scene->brightness : 0;
        if (scene->effect == EFFECT_BLINK)
                return is_first_half(scene->effect_from_us, now_us) ? base : 0;
        if (scene->effect == EFFECT_BREATHE)
                return breath(base, now_us - scene->effect_from_us);
        return base;
}

static uint64_t half_left(uint64_t from_us, uint64_t now_us)
{
        return HALF_US - (now_us - from_us) % HALF_US;
}

/* How long until it shows something else; 0: it stays as it is. */
static uint64_t until_next(const struct scene *scene, uint64_t now_us)
{
        uint64_t fade_left_us = is_fading(scene, now_us) ? scene->fade_from_us + scene->fade_us - now_us : 0;
        uint64_t flash_left_us = scene->flash_from_us + scene->flash_us - now_us, left_us;

        if (is_flashing(scene, now_us)) {
                left_us = half_left(scene->flash_from_us, now_us);
                return left_us < flash_left_us ? left_us : flash_left_us;
        }
        if (scene->effect == EFFECT_BREATHE)
                return STEP_US;
        left_us = fade_left_us < STEP_US ? fade_left_us : STEP_US;
        if (scene->effect == EFFECT_BLINK) {
                uint64_t blink_us = half_left(scene->effect_from_us, now_us);
                return left_us && left_us < blink_us ? left_us : blink_us;
        }
        return left_us;
}

/* ---- Showing it ---------------------------------------------------------------------------------------- */

static double level_of(const struct lamp *lamp, double brightness)
{
        if (brightness <= 0)
                return 0;
        if (!lamp->is_dimmed)
                return 1;
        double part = pow(fmin(brightness / BRIGHT_MAX, 1), lamp->gamma);
        return (lamp->min_pct + (lamp->max_pct - lamp->min_pct) * part) / 100;
}

/* The inverse, for a level that was found. */
static double brightness_of(const struct lamp *lamp, double level)
{
        double part = (level * 100 - lamp->min_pct) / (lamp->max_pct - lamp->min_pct);

        if (!lamp->is_dimmed)
                return BRIGHT_MAX;
        return fmin(fmax(round(BRIGHT_MAX * pow(fmax(part, 0), 1 / lamp->gamma)), 1), BRIGHT_MAX);
}

static int drive(struct sconce_device *dev, const struct lamp *lamp, double brightness)
{
        if (lamp->line)
                return sconce_line_set(dev, lamp->line, brightness > 0);
        return sconce_dimmer_set(dev, lamp->dimmer, level_of(lamp, brightness));
}

/* A flash of a lamp that is off must leave nothing lit, even after a crash: the agent knows before it begins. */
static int mark_timed(struct sconce_device *dev, struct lamp *lamp, bool timed)
{
        int r = timed != lamp->is_timed ? sconce_timed(dev, timed) : 0;

        if (r == 0 || !timed)
                lamp->is_timed = timed;
        return r;
}

/* Shows what is due now, and arms the timer for the next change. */
static int show(struct sconce_device *dev, struct lamp *lamp)
{
        uint64_t now_us = sconce_now_us(dev);
        bool timed = is_flashing(&lamp->scene, now_us) && !lamp->scene.on;

        int r = timed ? mark_timed(dev, lamp, true) : 0;
        if (r == 0)
                r = drive(dev, lamp, shown(&lamp->scene, now_us));
        uint64_t next_us = r < 0 ? RETRY_US : until_next(&lamp->scene, now_us);
        if (next_us > 0)
                (void)sconce_timer_arm(dev, lamp->timer, next_us);
        else
                (void)sconce_timer_disarm(dev, lamp->timer);
        if (r == 0)
                (void)mark_timed(dev, lamp, timed);
        return r;
}

static int report(struct sconce_device *dev, const struct lamp *lamp)
{
        const struct sconce_value values[] = {
                SCONCE_BOOL("state", lamp->scene.on),
                SCONCE_NUM("brightness", lamp->scene.brightness),
                SCONCE_STR("effect", effects[lamp->scene.effect]),
        };

        return sconce_report(dev, values, lamp->is_dimmed ? 3 : 1);
}

static void lamp_due(struct sconce_device *dev, void *instance, void *userdata)
{
        struct lamp *lamp = instance;
        int r = show(dev, lamp);

        (void)userdata;
        if (r == 0 && lamp->is_unshown)
                (void)report(dev, lamp);
        lamp->is_unshown = r < 0;
        if (r < 0 && !lamp->is_failing)
                sconce_log(dev, SCONCE_LOG_ERROR, "cannot be brought to its level; trying again each second");
        lamp->is_failing = r < 0;
}

/* ---- Commands ------------------------------------------------------------------------------------------ */

static enum effect find_effect(const char *text)
{
        enum effect effect = EFFECT_NONE;

        while (effects[effect + 1] && strcmp(effects[effect], text) != 0)
                effect++;
        return effect;
}

/* Brightness and effects switch it on; OFF ends an effect, and any of the three ends a flash. */
static void change(struct scene *scene, const struct sconce_command *command, uint64_t now_us)
{
        const struct sconce_value *state = sconce_command_find(command, "state");
        const struct sconce_value *brightness = sconce_command_find(command, "brightness");
        const struct sconce_value *effect = sconce_command_find(command, "effect");
        enum effect before = scene->effect;

        if (brightness)
                scene->brightness = round(brightness->number);
        if (effect)
                scene->effect = find_effect(effect->text);
        scene->on |= brightness || (effect && scene->effect != EFFECT_NONE);
        if (state)
                scene->on = state->on;
        if (!scene->on)
                scene->effect = EFFECT_NONE;
        if (scene->effect != before)
                scene->effect_from_us = now_us;
        if (state || brightness || effect)
                scene->flash_us = 0;
}

static uint64_t transition_of(const struct lamp *lamp, const struct sconce_command *command)
{
        const struct sconce_value *transition = sconce_command_find(command, "transition");

        if (!lamp->is_dimmed || (command->flags & SCONCE_COMMAND_NOW))
                return 0;
        return transition ? (uint64_t)(transition->number * 1e6) : lamp->transition_us;
}

static int lamp_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        struct lamp *lamp = instance;
        const struct sconce_value *flash = sconce_command_find(command, "flash");
        uint64_t now_us = sconce_now_us(dev);
        struct scene before = lamp->scene;

        change(&lamp->scene, command, now_us);
        if (target_of(&lamp->scene) != target_of(&before) || (command->flags & SCONCE_COMMAND_NOW)) {
                lamp->scene.fade_from = faded(&before, now_us);
                lamp->scene.fade_from_us = now_us;
                lamp->scene.fade_us = transition_of(lamp, command);
        }
        if (flash) {
                lamp->scene.flash_from_us = now_us;
                lamp->scene.flash_us = (uint64_t)(flash->number * 1e6);
        }
        int r = show(dev, lamp);
        if (r == 0) {
                lamp->is_unshown = false;
                return report(dev, lamp);
        }
        /* The agent's own command stays: an old effect must not light it up again. */
        if (command->flags & SCONCE_COMMAND_NOW)
                lamp->is_unshown = true;
        else
                lamp->scene = before;
        return r;
}

static int lamp_read(struct sconce_device *dev, void *instance)
{
        struct lamp *lamp = instance;

        if (lamp->line && !lamp->is_unshown && until_next(&lamp->scene, sconce_now_us(dev)) == 0) {
                int r = sconce_line_get(dev, lamp->line, &lamp->scene.on);
                if (r < 0)
                        return r;
        }
        return report(dev, lamp);
}

/* ---- Life cycle ---------------------------------------------------------------------------------------- */

static int check(struct sconce_device *dev, const struct lamp *lamp)
{
        int given = !!lamp->line + !!lamp->pwm + !!lamp->led;

        if (given == 0)
                sconce_error(dev, "one of line, pwm and led is required");
        else if (given > 1)
                sconce_error(dev, "line, pwm and led exclude each other: one of them is the lamp");
        else if (!lamp->is_dimmed &&
                 (lamp->transition_us > 0 || lamp->min_pct > 0 || lamp->max_pct < 100 || lamp->gamma != GAMMA))
                sconce_error(dev, "transition, min_level, max_level and gamma are for a lamp that can be "
                                  "dimmed, by pwm or led");
        else if (lamp->min_pct >= lamp->max_pct)
                sconce_error(dev, "min_level must be below max_level");
        else
                return 0;
        return -EINVAL;
}

static int lamp_configure(struct sconce_device *dev, void *instance)
{
        struct lamp *lamp = instance;
        struct sconce_channel effect = channels[1];

        lamp->is_dimmed &= !lamp->line;
        lamp->dimmer = lamp->pwm ? lamp->pwm : lamp->led;
        int r = check(dev, lamp);
        if (r < 0)
                return r;
        if (lamp->is_dimmed) {
                r = sconce_channel_add(dev, &brightness_row);
                return r < 0 ? r : sconce_channel_add(dev, &transition_row);
        }
        effect.flags = SCONCE_COMMAND_ONLY;
        effect.choices = line_effects;
        return sconce_channel_add(dev, &effect);
}

static int open_line(struct sconce_device *dev, struct lamp *lamp, bool keep)
{
        int r = sconce_line_output(dev, lamp->line, keep ? SCONCE_LINE_KEEP : lamp->scene.on);

        return r < 0 || !keep ? r : sconce_line_get(dev, lamp->line, &lamp->scene.on);
}

static int open_dimmer(struct sconce_device *dev, struct lamp *lamp, bool keep)
{
        double level = keep ? SCONCE_DIMMER_KEEP : level_of(lamp, target_of(&lamp->scene));

        int r = sconce_dimmer_open(dev, lamp->dimmer, 1000000000ULL / (uint64_t)lamp->frequency_hz, level);
        if (r < 0 || !keep)
                return r;
        r = sconce_dimmer_get(dev, lamp->dimmer, &level);
        if (r < 0)
                return r;
        lamp->scene.on = level > 0;
        if (lamp->scene.on)
                lamp->scene.brightness = brightness_of(lamp, level);
        return 0;
}

static int lamp_start(struct sconce_device *dev, void *instance)
{
        struct lamp *lamp = instance;
        struct sconce_value state = SCONCE_BOOL("state", false), brightness, effect;

        (void)sconce_first(dev, "state", &state);
        bool keep = state.type == SCONCE_VALUE_NONE;
        lamp->scene = (struct scene){ .on = !keep && state.on, .brightness = BRIGHT_MAX };
        if (sconce_first(dev, "brightness", &brightness) == 0 && brightness.type == SCONCE_VALUE_NUMBER)
                lamp->scene.brightness = brightness.number;
        int r = sconce_timer_new(dev, lamp_due, NULL, &lamp->timer);
        if (r == 0)
                r = lamp->line ? open_line(dev, lamp, keep) : open_dimmer(dev, lamp, keep);
        if (r < 0)
                return r;
        if (lamp->scene.on && lamp->is_dimmed && sconce_first(dev, "effect", &effect) == 0 &&
            effect.type == SCONCE_VALUE_TEXT)
                lamp->scene.effect = find_effect(effect.text);
        lamp->scene.effect_from_us = sconce_now_us(dev);
        if (lamp->scene.effect != EFFECT_NONE && (r = show(dev, lamp)) < 0)
                return r;
        return report(dev, lamp);
}

/* A fade, effect or flash ends here, in what was reported. */
static void lamp_stop(struct sconce_device *dev, void *instance)
{
        struct lamp *lamp = instance;

        if (lamp->is_unshown || until_next(&lamp->scene, sconce_now_us(dev)) > 0)
                (void)drive(dev, lamp, target_of(&lamp->scene));
}

static const struct sconce_plugin lamp = {
        .name = "lamp",
        .summary = "A lamp on a GPIO line, or dimmed by PWM or as a kernel LED",
        .instance_size = sizeof(struct lamp),
        .options = options,
        .channels = channels,
        .configure = lamp_configure,
        .start = lamp_start,
        .stop = lamp_stop,
        .command = lamp_command,
        .read = lamp_read,
};
SCONCE_PLUGIN(lamp)
