/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counter: a meter that gives pulses: electricity (S0), water, gas, rain.
 *
 * Each time the line becomes active is one pulse, worth `factor` of the `unit`. The total is kept across restarts and
 * can be set, to what the meter's own dial shows. The rate comes from the edges' timestamps: pulses between the first
 * and the last one seen, by the time between them, so that it is right however seldom it is read. When no pulse comes
 * it falls as the wait grows, and is 0 after `timeout`.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <sconce/plugin.h>

/* The total is saved this long after a pulse, not at each of them. */
#define SAVE_US   (1000 * 1000ULL)
#define TOTAL_MAX 1e12
/* A pulse is missing after one and a half times its turn, but for what the loop and the kernel may delay. */
#define MISSING_TURNS 1.5
#define MISSING_US    (100 * 1000ULL)

enum quantity { OTHER, ENERGY, VOLUME, RAIN };

/* What a unit is, and how people speak of its rate. A rate is a unit a second times `per_second`. */
static const struct meter {
        const char *unit, *also;
        enum quantity quantity;
        const char *device_class, *rate_unit, *rate_class, *rate_name;
        double per_second;
} meters[] = {
        { "Wh", NULL, ENERGY, "energy", "W", "power", "Power", 3600 },
        { "kWh", NULL, ENERGY, "energy", "W", "power", "Power", 3.6e6 },
        { "MWh", NULL, ENERGY, "energy", "kW", "power", "Power", 3.6e6 },
        { "m³", "m3", VOLUME, "volume", "m³/h", "volume_flow_rate", "Flow", 3600 },
        { "L", "l", VOLUME, "volume", "L/min", "volume_flow_rate", "Flow", 60 },
        { "ft³", "ft3", VOLUME, "volume", "ft³/min", "volume_flow_rate", "Flow", 60 },
        { "gal", NULL, VOLUME, "volume", "gal/min", "volume_flow_rate", "Flow", 60 },
        { "mm", NULL, RAIN, "precipitation", "mm/h", "precipitation_intensity", NULL, 3600 },
};
/* Bare pulses, or a unit of the user's own. */
static const struct meter pulses_alone = { .rate_unit = "Hz", .rate_class = "frequency", .per_second = 1 };
static const struct meter own_unit = { .per_second = 1 };

static const char *const classes[] = { "energy", "water", "gas", NULL };
static const enum quantity class_is[] = { ENERGY, VOLUME, VOLUME };

struct counter {
        struct sconce_line *line;
        double factor;
        const char *unit;
        int device_class;
        uint64_t timeout_us;

        double per_second;
        struct sconce_timer *save;
        bool is_unsaved;
        double base; /* what the total was when the pulses began to be counted */
        uint64_t pulses;

        uint64_t since_us; /* the pulse from which the rate is computed; 0: none yet */
        uint64_t last_us;  /* the newest pulse */
        uint64_t recent;   /* pulses after since_us */
        uint64_t quiet_us; /* without a pulse from here on */
        bool has_rate;
        double rate; /* pulses a second */
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_LINE(struct counter, line, "line", SCONCE_REQUIRED, "GPIO line that the pulses come in at"),
        SCONCE_OPTION_FLOAT(struct counter, factor, "factor", 0, "How much of the unit one pulse is worth", .def = "1",
                            .min = "0.000001", .max = "1000000"),
        SCONCE_OPTION_STRING(struct counter, unit, "unit", 0,
                             "What is counted: kWh, Wh, m³, L, mm, or a unit of your own"),
        SCONCE_OPTION_ENUM(struct counter, device_class, "device_class", 0,
                           "What the meter measures, where the unit does not show it", .choices = classes),
        SCONCE_OPTION_DURATION(struct counter, timeout_us, "timeout", 0, "How long without a pulse until the rate is 0",
                               .def = "5m", .min = "1s", .max = "1d"),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "total",
          .kind = SCONCE_SENSOR,
          .flags = SCONCE_TOTAL | SCONCE_WRITABLE,
          .max = TOTAL_MAX,
          .help = "The total; can be set to what the meter shows" },
        { .key = "rate", .kind = SCONCE_SENSOR, .help = "Current rate" },
        { .key = NULL },
};

/* ---- The total ----------------------------------------------------------------------------------------- */

/* Rounded to what a pulse can be worth at least: 0.3, not 0.30000000000000004. */
static double total(const struct counter *counter)
{
        return round((counter->base + (double)counter->pulses * counter->factor) * 1e6) / 1e6;
}

static void save(struct sconce_device *dev, struct counter *counter)
{
        char text[96];

        (void)snprintf(text, sizeof(text), "%.17g %llu %.17g", counter->base, (unsigned long long)counter->pulses,
                       counter->factor);
        if (sconce_save(dev, "total", text) == 0)
                counter->is_unsaved = false;
}

static void save_soon(struct sconce_device *dev, struct counter *counter)
{
        if (!counter->is_unsaved)
                (void)sconce_timer_arm(dev, counter->save, SAVE_US);
        counter->is_unsaved = true;
}

static void save_due(struct sconce_device *dev, void *instance, void *userdata)
{
        (void)userdata;
        save(dev, instance);
}

/* A new factor is for the pulses to come, not for earlier ones. */
static void load(struct sconce_device *dev, struct counter *counter)
{
        unsigned long long pulses;
        double base, factor;
        char text[96];

        if (sconce_load(dev, "total", text, sizeof(text)) < 0)
                return;
        if (sscanf(text, "%lg %llu %lg", &base, &pulses, &factor) != 3 || !isfinite(base) || !isfinite(factor)) {
                sconce_log(dev, SCONCE_LOG_WARNING, "the saved total \"%s\" is invalid: counting from 0", text);
                return;
        }
        bool is_same = factor == counter->factor;
        counter->base = is_same ? base : base + (double)pulses * factor;
        counter->pulses = is_same ? pulses : 0;
}

/* ---- The rate ------------------------------------------------------------------------------------------ */

static void count(struct counter *counter, uint64_t time_us, uint64_t pulses)
{
        counter->pulses += pulses;
        if (time_us > counter->last_us)
                counter->last_us = time_us;
        counter->quiet_us = counter->last_us;
        if (counter->since_us == 0)
                counter->since_us = counter->last_us; /* a first pulse measures nothing */
        else
                counter->recent += pulses;
}

static void compute_rate(struct counter *counter, uint64_t now_us)
{
        uint64_t quiet_us = now_us > counter->quiet_us ? now_us - counter->quiet_us : 0;

        if (counter->recent > 0 && counter->last_us > counter->since_us) {
                counter->rate = (double)counter->recent * 1e6 / (double)(counter->last_us - counter->since_us);
                counter->has_rate = true;
                counter->since_us = counter->last_us;
                counter->recent = 0;
        }
        if (quiet_us >= counter->timeout_us) {
                counter->rate = 0;
                counter->has_rate = true;
                counter->since_us = 0; /* the pause is no measure of what comes next */
        } else if (quiet_us > MISSING_US && counter->rate * (double)quiet_us > MISSING_TURNS * 1e6) {
                counter->rate = 1e6 / (double)quiet_us;
        }
}

static int report(struct sconce_device *dev, const struct counter *counter)
{
        double rate = round(counter->rate * counter->factor * counter->per_second * 1e3) / 1e3;
        const struct sconce_value values[] = {
                SCONCE_NUM("total", total(counter)),
                counter->has_rate ? SCONCE_NUM("rate", rate) : SCONCE_NONE("rate"),
        };

        return sconce_report(dev, values, 2);
}

/* ---- Callbacks ----------------------------------------------------------------------------------------- */

static void counter_edge(struct sconce_device *dev, void *instance, const struct sconce_edge *edge)
{
        struct counter *counter = instance;
        /* Edges alternate, so that the lost ones between two of them are whole pulses: an odd number is one
         * lost and one that then changed nothing. */
        uint64_t pulses = (edge->active ? 1 : 0) + ((uint64_t)edge->lost + 1) / 2;

        if (pulses == 0)
                return;
        count(counter, edge->time_us, pulses);
        save_soon(dev, counter);
}

static int counter_read(struct sconce_device *dev, void *instance)
{
        compute_rate(instance, sconce_now_us(dev));
        return report(dev, instance);
}

static int counter_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        struct counter *counter = instance;
        const struct sconce_value *set = sconce_command_find(command, "total");

        if (set) {
                counter->base = set->number;
                counter->pulses = 0;
                save(dev, counter);
        }
        return report(dev, counter);
}

/* ---- Life cycle ---------------------------------------------------------------------------------------- */

static const struct meter *find_meter(const char *unit)
{
        if (!unit || !*unit)
                return &pulses_alone;
        for (size_t i = 0; i < sizeof(meters) / sizeof(meters[0]); i++)
                if (strcmp(meters[i].unit, unit) == 0 || (meters[i].also && strcmp(meters[i].also, unit) == 0))
                        return &meters[i];
        return &own_unit;
}

static int check_class(struct sconce_device *dev, const struct counter *counter, const struct meter *meter)
{
        if (counter->device_class < 0 || class_is[counter->device_class] == meter->quantity)
                return 0;
        sconce_error(dev, "device_class = %s needs a unit of %s", classes[counter->device_class],
                     class_is[counter->device_class] == ENERGY ? "energy: Wh, kWh or MWh"
                                                               : "volume: m³, L, ft³ or gal");
        return -EINVAL;
}

/* The rows of the table, completed by unit and class. */
static int add_channels(struct sconce_device *dev, const struct counter *counter, const struct meter *meter)
{
        struct sconce_channel total = channels[0], rate = channels[1];
        char rate_unit[64];

        total.unit = meter->unit ? meter->unit : counter->unit;
        total.device_class = counter->device_class >= 0 ? classes[counter->device_class] : meter->device_class;
        (void)snprintf(rate_unit, sizeof(rate_unit), "%s/s", total.unit ? total.unit : "");
        rate.unit = meter->rate_unit ? meter->rate_unit : rate_unit;
        rate.device_class = meter->rate_class;
        rate.name = meter->rate_name;
        int r = sconce_channel_add(dev, &total);
        return r < 0 ? r : sconce_channel_add(dev, &rate);
}

static int counter_configure(struct sconce_device *dev, void *instance)
{
        struct counter *counter = instance;
        const struct meter *meter = find_meter(counter->unit);

        int r = check_class(dev, counter, meter);
        if (r < 0)
                return r;
        counter->per_second = meter->per_second;
        return add_channels(dev, counter, meter);
}

static int counter_start(struct sconce_device *dev, void *instance)
{
        struct counter *counter = instance;

        load(dev, counter);
        counter->quiet_us = sconce_now_us(dev);
        int r = sconce_timer_new(dev, save_due, NULL, &counter->save);
        if (r == 0)
                r = sconce_line_input(dev, counter->line, counter_edge);
        return r < 0 ? r : report(dev, counter);
}

static void counter_stop(struct sconce_device *dev, void *instance)
{
        struct counter *counter = instance;

        if (counter->is_unsaved)
                save(dev, counter);
}

static const struct sconce_plugin counter = {
        .name = "counter",
        .summary = "A meter that gives pulses on a GPIO line",
        .instance_size = sizeof(struct counter),
        .options = options,
        .channels = channels,
        .every = "10s",
        .configure = counter_configure,
        .start = counter_start,
        .stop = counter_stop,
        .command = counter_command,
        .read = counter_read,
};
SCONCE_PLUGIN(counter)
