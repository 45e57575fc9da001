// SPDX-License-Identifier: Apache-2.0
// The model: nodes and devices as their messages describe them. It knows no page and no connection; what changed is
// collected until somebody takes it.

import { isJson, type Json, numberOf, own, readJson, textOf, textsOf, timeOf } from "./json.js";
import { addPoint, type Point } from "./points.js";
import type { Topic } from "./topics.js";

export type Value = string | number | boolean | string[] | null;
export type Availability = "online" | "offline" | "unknown";

export interface Channel {
  key: string;
  kind: string;
  unit: string;
  min: number | null;
  max: number | null;
  step: number | null;
  choices: string[];
  class: string;
  writable: boolean | null; // null: as its kind
  commandOnly: boolean;
}

export interface Happening {
  time: number;
  channel: string;
  type: string;
}

export interface Device {
  key: string; // NODE/DEVICE
  node: string;
  id: string;
  plugin: string;
  name: string;
  area: string;
  channels: Channel[];
  status: Availability;
  error: string;
  state: { [channel: string]: Value };
  time: number | null;
  points: Map<string, Point[]>; // readings that came since the page is open
  events: Happening[]; // newest first
}

export interface Node {
  name: string;
  status: Availability;
  version: string;
  started: number | null;
  devices: Map<string, Device>;
  health: { [channel: string]: Value }; // the state of its device `node`
  isFresh: boolean; // its info has come in this connection
}

export interface Message {
  topic: Topic;
  payload: string;
  retained: boolean;
  now: number;
}

const MOST_EVENTS = 50;
/** Of devices whose node has not described them, and of what one of them tells: nobody fills the page's memory. */
const MOST_STRANGE = 64;
const ON_OFF: { [word: string]: number } = { ON: 1, OFF: 0 };

function readChannel(key: string, row: Json): Channel {
  return {
    key,
    kind: textOf(row.kind),
    unit: textOf(row.unit),
    min: numberOf(row.min),
    max: numberOf(row.max),
    step: numberOf(row.step),
    choices: textsOf(row.choices),
    class: textOf(row.class),
    writable: typeof row.writable === "boolean" ? row.writable : null,
    commandOnly: row.command_only === true,
  };
}

function readValue(value: unknown): Value {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  return Array.isArray(value) ? textsOf(value) : null;
}

/** A name for people: none of the characters that control something. */
function lineOf(value: unknown): string {
  return textOf(value).replace(/\p{Cc}/gu, "");
}

function readStatus(payload: string): Availability {
  return payload === "online" || payload === "offline" ? payload : "unknown";
}

export class House {
  readonly nodes = new Map<string, Node>();
  private changedKeys = new Set<string>();
  private layoutChanged = false;

  device(key: string): Device | undefined {
    const [node = "", id = ""] = key.split("/");
    return this.nodes.get(node)?.devices.get(id);
  }

  /** The devices that people look at: all but each node's own. */
  devices(): Device[] {
    return [...this.nodes.values()].flatMap((node) => [...node.devices.values()].filter((device) => device.plugin !== "" && device.id !== "node"));
  }

  /** A device works where it and its node are online. */
  availability(device: Device): Availability {
    const node = this.nodes.get(device.node)?.status ?? "unknown";
    return node === "online" ? device.status : node;
  }

  /** What changed since the last time: keys of devices and names of nodes; whether there are others than before. */
  take(): { keys: Set<string>; layout: boolean } {
    const taken = { keys: this.changedKeys, layout: this.layoutChanged };
    this.changedKeys = new Set();
    this.layoutChanged = false;
    return taken;
  }

  apply(message: Message): void {
    const { topic, payload } = message;
    if (topic.device === "") {
      this.applyToNode(topic, payload);
      return;
    }
    const handler = own(HANDLERS, topic.leaf);
    const device = handler && this.ensureDevice(topic.node, topic.device, payload !== "");
    if (!handler || !device) return;
    handler(device, message);
    if (topic.device === "node" && topic.leaf === "state") this.ensureNode(topic.node).health = device.state;
    this.changedKeys.add(topic.device === "node" ? topic.node : device.key);
  }

  /** The connection is new: what is not described again is not there any more. */
  begin(): void {
    for (const node of this.nodes.values()) node.isFresh = false;
  }

  /** What the broker retains is about to come: an error that has ended meanwhile is not among it. */
  forgetErrors(): void {
    for (const node of this.nodes.values()) {
      for (const device of node.devices.values()) {
        if (device.error === "") continue;
        device.error = "";
        this.changedKeys.add(device.key);
      }
    }
  }

  /** All retained messages have come. */
  dropStale(): void {
    for (const [name, node] of this.nodes) {
      if (node.isFresh) continue;
      this.nodes.delete(name);
      this.layoutChanged = true;
    }
  }

  private applyToNode(topic: Topic, payload: string): void {
    if (topic.leaf === "status") {
      if (payload === "" && !this.nodes.has(topic.node)) return; // `sconce forget` clears topic by topic
      const node = this.ensureNode(topic.node);
      node.status = readStatus(payload);
      for (const device of node.devices.values()) this.changedKeys.add(device.key);
    } else if (topic.leaf === "info") {
      if (payload === "") {
        if (this.nodes.delete(topic.node)) this.layoutChanged = true;
        return;
      }
      const info = readJson(payload);
      if (info) this.applyInfo(this.ensureNode(topic.node), info);
    } else {
      return;
    }
    this.changedKeys.add(topic.node);
  }

  private applyInfo(node: Node, info: Json): void {
    node.version = textOf(info.version);
    node.started = timeOf(info.started);
    node.isFresh = true;
    const rows = isJson(info.devices) ? info.devices : {};
    for (const [id, row] of Object.entries(rows)) {
      if (!isJson(row)) continue;
      const device = this.ensureDevice(node.name, id, true, Infinity) as Device;
      device.plugin = textOf(row.plugin);
      device.name = lineOf(row.name) || id;
      device.area = lineOf(row.area);
      device.channels = Object.entries(isJson(row.channels) ? row.channels : {}).flatMap(([key, channel]) => (isJson(channel) ? [readChannel(key, channel)] : []));
      this.changedKeys.add(device.key);
    }
    for (const id of node.devices.keys()) if (!Object.hasOwn(rows, id) && id !== "node") node.devices.delete(id);
    this.layoutChanged = true;
  }

  private ensureNode(name: string): Node {
    let node = this.nodes.get(name);
    if (!node) {
      node = { name, status: "unknown", version: "", started: null, devices: new Map(), health: {}, isFresh: false };
      this.nodes.set(name, node);
      this.layoutChanged = true;
    }
    return node;
  }

  /** Its state may come before the info that describes it: until then it has no plugin, and is not shown. */
  private ensureDevice(nodeName: string, id: string, isToBe: boolean, mostStrange = MOST_STRANGE): Device | undefined {
    let device = this.nodes.get(nodeName)?.devices.get(id);
    if (!device && isToBe) {
      const node = this.ensureNode(nodeName);
      const strange = mostStrange === Infinity ? 0 : [...node.devices.values()].filter(({ plugin }) => plugin === "").length;
      if (strange >= mostStrange) return undefined;
      device = { key: `${nodeName}/${id}`, node: nodeName, id, plugin: "", name: id, area: "", channels: [], status: "unknown", error: "", state: {}, time: null, points: new Map(), events: [] };
      node.devices.set(id, device);
    }
    return device;
  }
}

// ---- A device's messages, by the last word of the topic ----------------------------------------------------------

type Handler = (device: Device, message: Message) => void;

const HANDLERS: { [leaf: string]: Handler } = {
  status: (device, { payload }) => {
    device.status = readStatus(payload);
  },
  error: (device, { payload }) => {
    device.error = textOf(readJson(payload)?.message);
  },
  state: (device, { payload, retained, now }) => {
    const state = readJson(payload);
    if (!state) return;
    const { time, ...values } = state;
    device.time = timeOf(time) ?? (retained ? null : now);
    device.state = {};
    for (const [key, value] of Object.entries(values)) device.state[key] = readValue(value);
    if (device.time !== null) addReadings(device, device.time, device.state);
  },
  event: (device, { payload, retained, now }) => {
    const event = readJson(payload);
    if (event && !retained) addEvent(device, timeOf(event.time) ?? now, event);
  },
  history: (device, { payload }) => {
    const entry = readJson(payload);
    const time = timeOf(entry?.time);
    if (!entry || time === null) return;
    if (isJson(entry.state)) addReadings(device, time, entry.state);
    if (isJson(entry.event)) addEvent(device, time, entry.event);
  },
};

function addReadings(device: Device, time: number, state: Json): void {
  for (const [key, value] of Object.entries(state)) {
    const number = typeof value === "string" ? own(ON_OFF, value) : numberOf(value);
    if (number === undefined || number === null) continue;
    let points = device.points.get(key);
    if (!points && device.points.size >= MOST_STRANGE) continue;
    if (!points) device.points.set(key, (points = []));
    addPoint(points, time, number);
  }
}

function addEvent(device: Device, time: number, event: Json): void {
  const happening = { time, channel: textOf(event.channel), type: textOf(event.event_type) };
  const isThere = device.events.some((other) => other.time === time && other.channel === happening.channel && other.type === happening.type);
  if (isThere) return;
  device.events.push(happening);
  device.events.sort((a, b) => b.time - a.time);
  device.events.length = Math.min(device.events.length, MOST_EVENTS);
}
