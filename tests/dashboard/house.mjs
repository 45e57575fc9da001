// SPDX-License-Identifier: Apache-2.0
// The devices of the node hall, and where their hardware is.
export const KITCHEN = 17;
export const DOOR = 4;
export const BELL = 5;
export const PORCH = 24;
export const SHUTTER_UP = 20;
export const SHUTTER_DOWN = 21;
export const WRONG_NAME = "<img src=x onerror=document.title='broken'>";

export function hallDevices(node) {
  node.addLed("table");
  node.put("air", '{"temperature":21.4,"humidity":48}');
  node.put("cellar", '{"temperature":9.5}');
  const air = (file) => `command = [/bin/cat, ${node.directory}/${file}]\noutput = json\nevery = 1s`;
  return {
    "lamp kitchen": `name = Kitchen ceiling\narea = Kitchen\nline = GPIO${KITCHEN}`,
    "lamp table": "name = Dining table\narea = Kitchen\nled = table",
    "lamp odd": `name = "${WRONG_NAME}"\nline = GPIO22`,
    "switch pump": "name = Garden pump\narea = Garden\nline = GPIO23",
    "cover shutter": `name = Roller shutter\narea = Living room\ndevice_class = shutter\nup = GPIO${SHUTTER_UP}\ndown = GPIO${SHUTTER_DOWN}\nup_time = 500ms\ndead_time = 50ms`,
    "contact front-door": `name = Front door\narea = Hall\ndevice_class = door\nline = GPIO${DOOR}\nbias = pull-down\ndebounce = 0ms`,
    "switch porch": `name = Porch\narea = Hall\nline = GPIO${PORCH}`,
    "rule door-opens": "when = front-door.state = ON\nthen = porch ON",
    "rule door-shuts": "when = front-door.state = OFF\nthen = porch OFF",
    "button bell": `name = Door bell\narea = Hall\nline = GPIO${BELL}\nbias = pull-down\ndebounce = 0ms\npresses = 1`,
    "exec air": `name = Living room air\narea = Living room\n${air("air")}\nchannels = ["temperature °C temperature", "humidity % humidity"]`,
    "exec cellar": `name = Cellar\narea = Cellar\n${air("cellar")}\nchannels = ["temperature °C temperature"]`,
  };
}
