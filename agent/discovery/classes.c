/* SPDX-License-Identifier: Apache-2.0 */
#include "discovery/classes.h"

#include <string.h>

#include "util/macro.h"

#define ON(platform) (1U << PLATFORM_##platform)

/* What a sensor of the class counts. */
enum { MEASURED, METERED, EITHER, ANGLE, NOT_COUNTED };

#define NUMBERS (ON(SENSOR) | ON(NUMBER))

#define RATES    "|bit/s|kbit/s|Mbit/s|Gbit/s|B/s|kB/s|MB/s|GB/s|KiB/s|MiB/s|GiB/s|"
#define SIZES    "|bit|kbit|Mbit|Gbit|B|kB|MB|GB|TB|PB|KiB|MiB|GiB|TiB|PiB|"
#define LENGTHS  "|mm|cm|m|km|in|ft|yd|mi|nmi|"
#define ENERGIES "|J|kJ|MJ|GJ|Wh|kWh|MWh|GWh|TWh|cal|kcal|Mcal|Gcal|"
#define VOLUMES  "|mL|L|m³|gal|fl. oz.|ft³|CCF|"
#define DENSITY  "|µg/m³|"
#define PRESSURE "|Pa|hPa|kPa|mbar|cbar|bar|mmHg|inHg|psi|"
#define SPEEDS   "|m/s|km/h|ft/s|mph|kn|"
#define TIMES    "|ms|s|min|h|d|"

/* What every version knows that docs/homeassistant.md speaks of; a class or unit of later ones would cost older ones the
 * entity. A name may be there twice: the platforms tell which is meant. `units` NULL: any, and none. */
static const struct class
{
        const char *name;
        unsigned platforms;
        const char *units; /* with "|" around each; "||": none at all is one of them */
        int counts;
} classes[] = {
        { "apparent_power", NUMBERS, "|VA|", MEASURED },
        { "aqi", NUMBERS, "||", MEASURED },
        { "area", NUMBERS, "|mm²|cm²|m²|km²|ha|in²|ft²|yd²|mi²|ac|", EITHER },
        { "atmospheric_pressure", NUMBERS, PRESSURE, MEASURED },
        { "awning", ON(COVER), NULL, NOT_COUNTED },
        { "battery", NUMBERS, "|%|", MEASURED },
        { "battery", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "battery_charging", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "blind", ON(COVER), NULL, NOT_COUNTED },
        { "button", ON(EVENT), NULL, NOT_COUNTED },
        { "carbon_dioxide", NUMBERS, "|ppm|", MEASURED },
        { "carbon_monoxide", NUMBERS, "|ppm|", MEASURED },
        { "carbon_monoxide", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "cold", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "conductivity", NUMBERS, "|S/cm|mS/cm|µS/cm|", MEASURED },
        { "connectivity", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "current", NUMBERS, "|mA|A|", MEASURED },
        { "curtain", ON(COVER), NULL, NOT_COUNTED },
        { "damper", ON(COVER), NULL, NOT_COUNTED },
        { "data_rate", NUMBERS, RATES, MEASURED },
        { "data_size", NUMBERS, SIZES, EITHER },
        { "distance", NUMBERS, LENGTHS, EITHER },
        { "door", ON(BINARY_SENSOR) | ON(COVER), NULL, NOT_COUNTED },
        { "doorbell", ON(EVENT), NULL, NOT_COUNTED },
        { "duration", NUMBERS, TIMES, EITHER },
        { "energy", NUMBERS, ENERGIES, METERED },
        { "energy_storage", NUMBERS, ENERGIES, MEASURED },
        { "frequency", NUMBERS, "|Hz|kHz|MHz|GHz|", MEASURED },
        { "garage", ON(COVER), NULL, NOT_COUNTED },
        { "garage_door", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "gas", NUMBERS, "|L|m³|ft³|CCF|", METERED },
        { "gas", ON(BINARY_SENSOR) | ON(VALVE), NULL, NOT_COUNTED },
        { "gate", ON(COVER), NULL, NOT_COUNTED },
        { "glass_break", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "heat", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "humidity", NUMBERS, "|%|", MEASURED },
        { "identify", ON(BUTTON), NULL, NOT_COUNTED },
        { "illuminance", NUMBERS, "|lx|", MEASURED },
        { "irradiance", NUMBERS, "|W/m²|", MEASURED },
        { "light", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "lock", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "moisture", NUMBERS, "|%|", MEASURED },
        { "moisture", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "motion", ON(BINARY_SENSOR) | ON(EVENT), NULL, NOT_COUNTED },
        { "moving", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "nitrogen_dioxide", NUMBERS, DENSITY, MEASURED },
        { "nitrogen_monoxide", NUMBERS, DENSITY, MEASURED },
        { "nitrous_oxide", NUMBERS, DENSITY, MEASURED },
        { "occupancy", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "opening", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "outlet", ON(SWITCH), NULL, NOT_COUNTED },
        { "ozone", NUMBERS, DENSITY, MEASURED },
        { "ph", NUMBERS, "||", MEASURED },
        { "plug", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "pm1", NUMBERS, DENSITY, MEASURED },
        { "pm10", NUMBERS, DENSITY, MEASURED },
        { "pm25", NUMBERS, DENSITY, MEASURED },
        { "power", NUMBERS, "|mW|W|kW|MW|GW|TW|", MEASURED },
        { "power", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "power_factor", NUMBERS, "||%|", MEASURED },
        { "precipitation", NUMBERS, "|mm|cm|in|", EITHER },
        { "precipitation_intensity", NUMBERS, "|mm/h|mm/d|in/h|in/d|", MEASURED },
        { "presence", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "pressure", NUMBERS, PRESSURE, MEASURED },
        { "problem", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "reactive_power", NUMBERS, "|var|", MEASURED },
        { "restart", ON(BUTTON), NULL, NOT_COUNTED },
        { "running", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "safety", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "shade", ON(COVER), NULL, NOT_COUNTED },
        { "shutter", ON(COVER), NULL, NOT_COUNTED },
        { "signal_strength", NUMBERS, "|dB|dBm|", MEASURED },
        { "smoke", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "sound", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "sound_pressure", NUMBERS, "|dB|dBA|", MEASURED },
        { "speed", NUMBERS, SPEEDS, MEASURED },
        { "sulphur_dioxide", NUMBERS, DENSITY, MEASURED },
        { "switch", ON(SWITCH), NULL, NOT_COUNTED },
        { "tamper", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "temperature", NUMBERS, "|°C|°F|K|", MEASURED },
        { "timestamp", ON(SENSOR), "||", NOT_COUNTED },
        { "update", ON(BINARY_SENSOR) | ON(BUTTON), NULL, NOT_COUNTED },
        { "vibration", ON(BINARY_SENSOR), NULL, NOT_COUNTED },
        { "volatile_organic_compounds", NUMBERS, "|µg/m³|mg/m³|", MEASURED },
        { "volatile_organic_compounds_parts", NUMBERS, "|ppb|ppm|", MEASURED },
        { "voltage", NUMBERS, "|µV|mV|V|kV|MV|", MEASURED },
        { "volume", NUMBERS, VOLUMES, METERED },
        { "volume_flow_rate", NUMBERS, "|mL/s|L/s|L/min|m³/h|ft³/min|gal/min|", MEASURED },
        { "volume_storage", NUMBERS, VOLUMES, MEASURED },
        { "water", NUMBERS, "|L|m³|ft³|gal|CCF|", METERED },
        { "water", ON(VALVE), NULL, NOT_COUNTED },
        { "weight", NUMBERS, "|µg|mg|g|kg|oz|lb|st|", EITHER },
        { "wind_direction", NUMBERS, "|°|", ANGLE },
        { "wind_speed", NUMBERS, SPEEDS, MEASURED },
        { "window", ON(BINARY_SENSOR) | ON(COVER), NULL, NOT_COUNTED },
};

static bool takes_unit(const struct class *class, const char *unit)
{
        const char *at = class->units;
        size_t length = unit ? strlen(unit) : 0;

        if (!at)
                return true;
        if (length == 0)
                return strstr(at, "||") != NULL;
        if (strchr(unit, '|'))
                return false;
        for (; (at = strstr(at, unit)); at++)
                if (at[-1] == '|' && at[length] == '|')
                        return true;
        return false;
}

const char *class_for(enum platform platform, const char *name, const char *unit)
{
        for (size_t i = 0; name && i < ARRAY_SIZE(classes); i++)
                if (classes[i].platforms & (1U << platform) && strcmp(classes[i].name, name) == 0)
                        return takes_unit(&classes[i], unit) ? classes[i].name : NULL;
        return NULL;
}

const char *class_of_state(const char *name, bool is_total)
{
        static const char *const words[][2] = {
                [MEASURED] = { "measurement", "measurement" },
                [METERED] = { "total", "total_increasing" },
                [EITHER] = { "measurement", "total_increasing" },
                [ANGLE] = { "measurement_angle", "measurement_angle" },
                [NOT_COUNTED] = { NULL, NULL },
        };
        int counts = EITHER;

        for (size_t i = 0; name && i < ARRAY_SIZE(classes); i++)
                if (classes[i].platforms & ON(SENSOR) && strcmp(classes[i].name, name) == 0)
                        counts = classes[i].counts;
        return words[counts][is_total];
}
