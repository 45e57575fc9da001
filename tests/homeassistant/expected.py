# SPDX-License-Identifier: Apache-2.0
"""What Home Assistant must make of the house: its devices with their areas, its entities with all that people see of them."""

from dataclasses import dataclass

KNOWN = None
MEASURED, COUNTED = "measurement", "total_increasing"
DIAGNOSTIC, SETTING = "diagnostic", "config"


@dataclass(frozen=True)
class Entity:
    id: str
    name: str
    state: str | None  # KNOWN: any but unknown and unavailable
    unit: str | None = None
    device_class: str | None = None
    state_class: str | None = None
    precision: int | None = None  # None: as Home Assistant has it for the class
    category: str | None = None


NODE = "Hall"

# Home Assistant has its own "Living Room", and finds that it is the same.
DEVICES: dict[str, str | None] = {
    "Air": "Living Room",
    "Board": "Cellar",
    "Cellar": "Cellar",
    "Electricity": "Cellar",
    "Everything": "Attic",
    "Fan": "Kitchen",
    "Front door": "Hall",
    "Garden pump": "Garden",
    "Hall": None,
    "Heater": "Cellar",
    "Kitchen ceiling": "Kitchen",
    "Knob": "Kitchen",
    "Living-room shutter": "Living Room",
    "Motion": "Hall",
    "Processor": None,
    "Shelf": "Living Room",
    "Station": None,
    "Volume": "Kitchen",
    "Wall button": "Hall",
    "Water": "Garden",
    "Wind": "Garden",
}

# A wind in m/s is shown in km/h where a home is metric.
ENTITIES = (
    Entity("binary_sensor.hall_front_door", "Front door", "off", device_class="door"),
    Entity("binary_sensor.hall_motion", "Motion", "off", device_class="motion"),
    Entity("binary_sensor.hall_station_throttled", "Station Throttled", "unknown", device_class="problem", category=DIAGNOSTIC),
    Entity("binary_sensor.hall_station_under_voltage", "Station Under-voltage", "unknown", device_class="problem", category=DIAGNOSTIC),
    Entity("binary_sensor.hall_wind_storm", "Wind Storm", "off"),
    Entity("button.hall_all_ring", "Everything Ring", "unknown"),
    Entity("button.hall_node_reload", "Hall Reload", "unknown", category=SETTING),
    Entity("button.hall_node_restart", "Hall Restart", "unknown", device_class="restart", category=SETTING),
    Entity("cover.hall_all_cover", "Everything Cover", "unknown"),
    Entity("cover.hall_shutter", "Living-room shutter", "open", device_class="shutter"),
    Entity("event.hall_all_press", "Everything Press", "unknown"),
    Entity("event.hall_knob", "Knob", "unknown"),
    Entity("event.hall_wall_press", "Wall button Press", "unknown", device_class="button"),
    Entity("fan.hall_fan", "Fan", "off"),
    Entity("light.hall_all_light", "Everything Light", "unknown"),
    Entity("light.hall_kitchen", "Kitchen ceiling", "off"),
    Entity("light.hall_shelf", "Shelf", "off"),
    Entity("number.hall_all_level", "Everything Level", "unknown", unit="%"),
    Entity("number.hall_electricity_total", "Electricity Total", "0", unit="kWh", device_class="energy", category=SETTING),
    Entity("number.hall_volume", "Volume", "0"),
    Entity("select.hall_all_mood", "Everything Mood", "unknown"),
    Entity("sensor.hall_air_humidity", "Air Humidity", "45.1", unit="%", device_class="humidity", state_class=MEASURED, precision=1),
    Entity("sensor.hall_air_pressure", "Air Pressure", "1013.3", unit="hPa", device_class="pressure", state_class=MEASURED, precision=1),
    Entity("sensor.hall_air_temperature", "Air Temperature", "21.5", unit="°C", device_class="temperature", state_class=MEASURED, precision=1),
    Entity("sensor.hall_all_sensor", "Everything Sensor", "7.5", unit="°C", device_class="temperature", state_class=MEASURED),
    Entity("sensor.hall_board_fan1", "Board Fan1", "1204", unit="rpm", state_class=MEASURED),
    Entity("sensor.hall_board_temp1", "Board Temp1", "31.25", unit="°C", device_class="temperature", state_class=MEASURED),
    Entity("sensor.hall_cellar_temperature", "Cellar Temperature", "12.062", unit="°C", device_class="temperature", state_class=MEASURED),
    Entity("sensor.hall_cpu_temperature", "Processor Temperature", "48.312", unit="°C", device_class="temperature", state_class=MEASURED),
    Entity("sensor.hall_electricity_rate", "Electricity Power", "unknown", unit="W", device_class="power", state_class=MEASURED),
    Entity("sensor.hall_electricity_total", "Electricity Total", "0", unit="kWh", device_class="energy", state_class=COUNTED),
    Entity("sensor.hall_node_certificate_days", "Hall Certificate", KNOWN, unit="d", device_class="duration", state_class=MEASURED, precision=0, category=DIAGNOSTIC),
    Entity("sensor.hall_node_dropped", "Hall Dropped", "0", state_class=COUNTED, category=DIAGNOSTIC),
    Entity("sensor.hall_node_dropped_by", "Hall Dropped by", "0", category=DIAGNOSTIC),
    Entity("sensor.hall_node_memory_kb", "Hall Memory", KNOWN, unit="kB", device_class="data_size", state_class=MEASURED, category=DIAGNOSTIC),
    Entity("sensor.hall_node_oldest", "Hall Oldest", "unknown", unit="s", device_class="duration", state_class=MEASURED, precision=0, category=DIAGNOSTIC),
    Entity("sensor.hall_node_problems", "Hall Problems", "0", category=DIAGNOSTIC),
    Entity("sensor.hall_node_queue", "Hall Queue", KNOWN, state_class=MEASURED, category=DIAGNOSTIC),
    Entity("sensor.hall_node_uptime_s", "Hall Uptime", KNOWN, unit="s", device_class="duration", state_class=MEASURED, precision=0, category=DIAGNOSTIC),
    Entity("sensor.hall_station_disk_used", "Station Disk used", KNOWN, unit="%", state_class=MEASURED, category=DIAGNOSTIC),
    Entity("sensor.hall_station_load", "Station Load", KNOWN, state_class=MEASURED, category=DIAGNOSTIC),
    Entity("sensor.hall_station_memory_used", "Station Memory used", KNOWN, unit="%", state_class=MEASURED, category=DIAGNOSTIC),
    Entity("sensor.hall_station_wifi_signal", "Station Wi-Fi signal", "unknown", unit="dBm", device_class="signal_strength", state_class=MEASURED, category=DIAGNOSTIC),
    Entity("sensor.hall_wind_sky", "Wind Sky", "clear"),
    Entity("sensor.hall_wind_speed", "Wind Speed", KNOWN, unit="km/h", device_class="wind_speed", state_class=MEASURED),
    Entity("switch.hall_heater", "Heater", "unknown"),
    Entity("switch.hall_pump", "Garden pump", "off"),
    Entity("text.hall_all_note", "Everything Note", ""),
    Entity("valve.hall_water", "Water", "closed"),
)
