/* SPDX-License-Identifier: Apache-2.0 */
#include "config/synonyms.h"

#include <stddef.h>

/* Proposed only where the word itself is offered: an installed plugin, a key that the section has. */
const struct synonym plugin_synonyms[] = {
        { "lamp", "light bulb led dimmer pwm" },
        { "switch", "relay relais outlet socket plug output gpio pump fan valve heater" },
        { "contact", "door window reed pir motion input binary_sensor leak sensor" },
        { "cover", "shutter blind awning gate garage roller curtain" },
        { "button", "push_button pushbutton key" },
        { "encoder", "knob rotary rotary_encoder" },
        { "counter", "meter pulse pulse_counter" },
        { "w1", "ds18b20 onewire one_wire 1wire 1_wire dallas thermometer" },
        { "iio", "dht dht11 dht22 am2302 bme280 bmp280 bh1750 ads1115 adc" },
        { "hwmon", "lm75 sht3x ina219" },
        { "thermal", "cpu cpu_temperature" },
        { "exec", "command script shell program" },
        { "rule", "automation" },
        { NULL, NULL },
};

const struct synonym key_synonyms[] = {
        { "line", "pin gpio port channel relay input output" },
        { "active_low", "inverted invert inverse invert_logic" },
        { "bias", "pull pullup pull_up pull_up_down resistor" },
        { "debounce", "bounce bounce_time" },
        { "every", "interval period poll update_interval scan_interval" },
        { "name", "label title friendly_name" },
        { "area", "room location" },
        { "device_class", "class" },
        { "power_on", "initial default restore boot" },
        { "max_on", "timeout auto_off max_time" },
        { "id", "address serial" },
        { "transition", "fade" },
        { "up_time", "travel_time open_time" },
        { "up", "open" },
        { "down", "close" },
        { "down_time", "close_time" },
        { "command", "program script" },
        { "url", "host server broker" },
        { "user", "username" },
        { "password", "pass" },
        { "ca", "cafile ca_file" },
        { "cert", "certfile cert_file" },
        { "key", "keyfile key_file" },
        { "when", "trigger on" },
        { "if", "condition" },
        { "then", "action do" },
        { "unit", "unit_of_measurement" },
        { "chip", "device" },
        { "device", "chip" },
        { NULL, NULL },
};
