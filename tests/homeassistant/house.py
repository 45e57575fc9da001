# SPDX-License-Identifier: Apache-2.0
"""The house: a device of each plugin, on the simulated chip and in make-believe trees of /sys."""

from home import Node

CELLAR = "28-0316a2791bff"
TRIGGERS = "none rc-feedback kbd-scrolllock timer oneshot heartbeat [mmc0] default-on\n"

# GPIO lines
KITCHEN, PUMP, FAN, WATER, UP, DOWN = 17, 27, 10, 11, 20, 21
DOOR, MOTION, WALL, KNOB_A, KNOB_B, VOLUME_A, VOLUME_B, METER = 4, 14, 5, 23, 22, 24, 25, 8


def furnish(node: Node) -> None:
    """Writes the trees and fills in the config's devices."""
    put_hardware(node)
    node.devices = devices(node)


def put_hardware(node: Node) -> None:
    led = "sim/devices/platform/leds/leds/ACT"
    for attribute, text in (("trigger", TRIGGERS), ("brightness", "0\n"), ("max_brightness", "255\n"), ("uevent", "")):
        node.put(f"{led}/{attribute}", text)
    leds = node.directory / "sim/class/leds"
    leds.mkdir(parents=True)
    (leds / "ACT").symlink_to("../../devices/platform/leds/leds/ACT")
    for path, text in (
        ("iio/iio:device0/name", "bme280\n"),
        ("iio/iio:device0/in_temp_input", "21520\n"),
        ("iio/iio:device0/in_pressure_input", "101.325097656\n"),
        ("iio/iio:device0/in_humidityrelative_input", "45123\n"),
        ("hwmon/hwmon0/name", "lm75\n"),
        ("hwmon/hwmon0/temp1_input", "31250\n"),
        ("hwmon/hwmon0/fan1_input", "1204\n"),
        (f"w1/{CELLAR}/temperature", "12062\n"),
        (f"w1/{CELLAR}/w1_slave", "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=12062\n"),
        (f"w1/{CELLAR}/name", f"{CELLAR}\n"),
        ("thermal/thermal_zone0/type", "cpu-thermal\n"),
        ("thermal/thermal_zone0/temp", "48312\n"),
        ("probe/start", ""),
        ("probe/read", "7.5"),
    ):
        node.put(path, text)


def devices(node: Node) -> dict[str, str]:
    at = node.directory
    return {
        "lamp kitchen": f"name = Kitchen ceiling\narea = Kitchen\nline = GPIO{KITCHEN}",
        "lamp shelf": "name = Shelf\narea = Living room\nled = ACT\ngamma = 1",
        "switch pump": f"name = Garden pump\narea = Garden\nline = GPIO{PUMP}",
        "switch fan": f"name = Fan\narea = Kitchen\ndevice_class = fan\nline = GPIO{FAN}",
        "switch water": f"name = Water\narea = Garden\ndevice_class = valve\nline = GPIO{WATER}",
        "cover shutter": "name = Living-room shutter\narea = Living room\ndevice_class = shutter\n"
        f"up = GPIO{UP}\ndown = GPIO{DOWN}\nup_time = 3s\ndead_time = 50ms",
        "contact front-door": f"name = Front door\narea = Hall\ndevice_class = door\nline = GPIO{DOOR}\nbias = pull-down",
        "contact motion": f"name = Motion\narea = Hall\ndevice_class = motion\nline = GPIO{MOTION}\nbias = pull-down",
        "button wall": f"name = Wall button\narea = Hall\nline = GPIO{WALL}\nbias = pull-down\n"
        "debounce = 0ms\ndouble_time = 1s\nlong_time = 10s",
        "encoder knob": f"name = Knob\narea = Kitchen\na = GPIO{KNOB_A}\na_bias = pull-down\nb = GPIO{KNOB_B}\nb_bias = pull-down",
        "encoder volume": f"name = Volume\narea = Kitchen\nmax = 40\n"
        f"a = GPIO{VOLUME_A}\na_bias = pull-down\nb = GPIO{VOLUME_B}\nb_bias = pull-down",
        "counter electricity": f"name = Electricity\narea = Cellar\nline = GPIO{METER}\nbias = pull-down\nunit = kWh\n"
        "factor = 0.001\nevery = 1s",
        "iio air": f"name = Air\narea = Living room\ndevice = bme280\nroot = {at}/iio\nround = 1\nevery = 1s",
        "hwmon board": f"name = Board\narea = Cellar\nchip = lm75\nroot = {at}/hwmon\nevery = 1s",
        "w1 cellar": f"name = Cellar\narea = Cellar\nid = {CELLAR}\nroot = {at}/w1\nevery = 1s",
        "thermal cpu": f"name = Processor\nroot = {at}/thermal\nevery = 1s",
        "system station": "name = Station\nevery = 5s",
        "exec wind": 'name = Wind\narea = Garden\ncommand = [/bin/echo, "{\\"speed\\":3.4,\\"sky\\":\\"clear\\",\\"storm\\":false}"]\n'
        'output = json\nchannels = ["speed m/s wind_speed", "sky:text", "storm:bool"]\nevery = 1s',
        "exec heater": f"name = Heater\narea = Cellar\nset = [/bin/sh, -c, \"echo $0 >{at}/heater\"]",
        "probe all": f"name = Everything\narea = Attic\ndir = {at}/probe",
    }
