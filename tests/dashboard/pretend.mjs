// SPDX-License-Identifier: Apache-2.0
// Nodes of make-believe, for what the simulated chip cannot show: days of readings, a house of any size, a thousand messages
// a second. They speak MQTT as sconced does, with a node's certificate.
import { createRequire } from "node:module";
import { join } from "node:path";
import { TREE } from "./stage.mjs";

const mqtt = createRequire(join(TREE, "etc/dashboard/package.json"))("mqtt");

const AREAS = ["Kitchen", "Living room", "Bedroom", "Hall", "Study", "Bathroom", "Cellar", "Garden"];
const lamp = { state: { kind: "light" }, brightness: { kind: "number", min: 1, max: 255, step: 1 } };
const climate = { temperature: { kind: "sensor", unit: "°C", class: "temperature" }, humidity: { kind: "sensor", unit: "%", class: "humidity" } };

/** Of each five devices two are lamps; names and rooms go round. */
const SORTS = [
  { plugin: "lamp", name: "Ceiling", channels: lamp, state: (n) => ({ state: n % 3 ? "ON" : "OFF", brightness: 40 + ((n * 37) % 215) }) },
  { plugin: "iio", name: "Air", channels: climate, state: (n) => ({ temperature: 18 + (n % 7) * 0.7, humidity: 40 + (n % 20) }) },
  { plugin: "lamp", name: "Reading lamp", channels: { state: { kind: "light" } }, state: (n) => ({ state: n % 2 ? "ON" : "OFF" }) },
  { plugin: "contact", name: "Window", channels: { state: { kind: "binary_sensor", class: "window" } }, state: (n) => ({ state: n % 4 ? "OFF" : "ON" }) },
  { plugin: "cover", name: "Shutter", channels: { state: { kind: "cover", class: "shutter" }, position: { kind: "number", unit: "%", min: 0, max: 100, step: 1 } }, state: (n) => ({ state: n % 2 ? "open" : "stopped", position: n % 2 ? 100 : 60 }) },
];

/** COUNT devices for a node, FIRST being the number of its first. */
export function manyDevices(count, first = 0) {
  const devices = {};
  for (let n = first; n < first + count; n++) {
    const { plugin, name, channels, state } = SORTS[n % SORTS.length];
    const round = Math.floor(n / (SORTS.length * AREAS.length));
    devices[`device-${n}`] = { plugin, name: round ? `${name} ${round + 1}` : name, area: AREAS[Math.floor(n / SORTS.length) % AREAS.length], channels, state: state(n) };
  }
  return devices;
}

/** A day or week as a thermometer has it, warm in the afternoon; it ends at what the device shows now. */
function trendOf(value, buckets, step, start, phase) {
  const hourOf = (n) => ((start / 1000 + n * step) / 3600) % 24;
  const curve = (n) => 1.6 * Math.sin(((hourOf(n) - 9) / 24) * 2 * Math.PI) + 0.3 * Math.sin(n / 7 + phase) + 0.2 * Math.sin(n / 2.3);
  const mean = Array.from({ length: buckets }, (_, n) => Number((value + curve(n) - curve(buckets - 1)).toFixed(2)));
  return { min: mean.map((one) => one - 0.3), mean, max: mean.map((one) => one + 0.3), count: mean.map(() => 5) };
}

export class PretendNode {
  constructor(stage, name, devices, health = {}) {
    Object.assign(this, { stage, name, devices, health });
  }

  start() {
    const { pki, ports } = this.stage;
    const file = (end) => pki.read(`issued/${this.name}.${end}`);
    this.client = mqtt.connect({
      protocol: "mqtts", host: "localhost", port: ports.mqtt, protocolVersion: 5, clientId: `pretend-${this.name}`,
      ca: pki.read("ca.crt"), cert: file("crt"), key: file("key"), will: { topic: this.topic("status"), payload: "offline", qos: 1, retain: true },
    }); // prettier-ignore
    this.client.on("message", (topic, payload, packet) => this.answer(topic, payload.toString(), packet.properties));
    return new Promise((done, fail) => {
      // It would try for ever, and the tests would not end.
      this.client.on("error", (error) => (isUp ? undefined : this.client.end(true, () => fail(error))));
      let isUp = false;
      this.client.on("connect", () => {
        isUp = true;
        this.client.subscribe([this.topic("+/set/+"), this.topic("+/set"), this.topic("+/get")], { qos: 1 });
        this.describe().then(done, fail);
      });
    });
  }

  topic(rest) {
    return `sconce/${this.name}/${rest}`;
  }

  keep(topic, payload) {
    const text = typeof payload === "string" ? payload : JSON.stringify(payload);
    return this.client.publishAsync(this.topic(topic), text, { qos: 1, retain: true });
  }

  state(id) {
    return this.keep(`${id}/state`, { time: new Date().toISOString(), ...this.devices[id].state });
  }

  async describe() {
    const rows = Object.fromEntries(Object.entries(this.devices).map(([id, { plugin, name, area, channels }]) => [id, { plugin, name, area, channels }]));
    const own = { plugin: "node", channels: { uptime_s: { kind: "sensor" } } };
    await this.keep("info", { version: "0.1.0", started: new Date().toISOString(), devices: { node: own, ...rows } });
    await this.keep("status", "online");
    await this.keep("node/state", { time: new Date().toISOString(), uptime_s: 1_900_000, queue: 0, dropped: 0, memory_kb: 9400, certificate_days: 511, problems: [], ...this.health });
    await Promise.all(Object.keys(this.devices).flatMap((id) => [this.keep(`${id}/status`, this.devices[id].offline ? "offline" : "online"), this.state(id), ...(this.devices[id].error ? [this.keep(`${id}/error`, { code: "eio", message: this.devices[id].error })] : [])]));
  }

  async answer(topic, payload, { responseTopic, correlationData } = {}) {
    const [, , id, leaf, channel] = topic.split("/");
    const device = this.devices[id];
    if (!responseTopic || !device) return;
    const reply = (result) => this.client.publish(responseTopic, JSON.stringify(result), { qos: 1, properties: { correlationData } });
    if (leaf === "get") reply(this.trend(id, JSON.parse(payload).trend));
    else if (device.refuses) reply({ ok: false, code: "failed", message: device.refuses });
    else {
      device.state = { ...device.state, [channel]: /^\d/.test(payload) ? Number(payload) : payload };
      reply({ ok: true });
      await this.state(id);
    }
  }

  trend(id, span) {
    const [buckets, step] = span === "24h" ? [288, 300] : [168, 3600];
    const start = Math.floor(Date.now() / (step * 1000) + 1 - buckets) * step * 1000;
    const channels = {};
    for (const [n, [key, channel]] of Object.entries(this.devices[id].channels).entries()) {
      const value = this.devices[id].state[key];
      if (channel.kind === "sensor") channels[key] = { unit: channel.unit, ...trendOf(value, buckets, step, start, n + id.length) };
      else if (channel.kind !== "number" && channel.kind !== "cover") channels[key] = { on: Array.from({ length: buckets }, (_, at) => (Math.sin(at / 11 + id.length) > 0.5 ? 1 : 0)) };
    }
    return { ok: true, device: id, trend: span, start: new Date(start).toISOString(), step_s: step, channels };
  }

  stop() {
    return this.client.endAsync();
  }
}
