// SPDX-License-Identifier: Apache-2.0
// How each kind of channel is drawn: one row for each kind that info can declare. Pure.

import type { Icon } from "./icons.js";
import type { Channel, Device, Value } from "./house.js";
import { own } from "./json.js";
import { nameOf, numberText, type Word, word } from "./words.js";

export type Control = "switch" | "range" | "choice" | "cover" | "press" | "entry" | "none";

export interface Kind {
  control: Control; // how it is commanded, where it may be
  isWritten: boolean; // unless the channel says otherwise
  isMeasured: boolean; // drawn over time
  rank: number; // which channel of a device stands on its card: the lowest
  icon: Icon;
  text: (value: Value, channel: Channel) => string;
}

/** What ON and OFF of a contact mean, by its class. */
const CONTACTS: { [klass: string]: readonly [on: Word, off: Word] } = {
  door: ["open", "closed"],
  garage_door: ["open", "closed"],
  opening: ["open", "closed"],
  window: ["open", "closed"],
  lock: ["unlocked", "locked"],
  moisture: ["wet", "dry"],
  leak: ["wet", "dry"],
  battery: ["low", "ok"],
  motion: ["detected", "clear"],
  occupancy: ["detected", "clear"],
  presence: ["detected", "clear"],
  smoke: ["detected", "clear"],
  gas: ["detected", "clear"],
  carbon_monoxide: ["detected", "clear"],
  sound: ["detected", "clear"],
  vibration: ["detected", "clear"],
  problem: ["problem", "ok"],
  safety: ["problem", "ok"],
  tamper: ["problem", "ok"],
  power: ["on", "off"],
  plug: ["on", "off"],
  light: ["on", "off"],
  running: ["on", "off"],
};

const COVER_WORDS: { [state: string]: Word } = { open: "open", opening: "opening", closed: "closed", closing: "closing", stopped: "stopped" };

const CLASS_ICONS: { [klass: string]: Icon } = {
  temperature: "thermometer",
  humidity: "drop",
  moisture: "drop",
  leak: "drop",
  water: "drop",
  power: "bolt",
  energy: "bolt",
  voltage: "bolt",
  current: "bolt",
  motion: "motion",
  occupancy: "motion",
  presence: "motion",
  problem: "warning",
};

const UNIT_ICONS: { [unit: string]: Icon } = { "°C": "thermometer", kWh: "bolt", Wh: "bolt", W: "bolt", L: "drop", "m³": "drop" };

function onOff(value: Value): string {
  return value === "ON" ? word("on") : value === "OFF" ? word("off") : word("unknown");
}

function contact(value: Value, channel: Channel): string {
  const [on, off] = own(CONTACTS, channel.class) ?? (["active", "inactive"] as const);
  return value === "ON" ? word(on) : value === "OFF" ? word(off) : word("unknown");
}

export function figureText(value: number, unit: string): string {
  const space = unit === "" || unit === "%" ? "" : "\u202f";
  return numberText(value, Math.abs(value) >= 1000 ? 0 : 2) + space + unit;
}

function withUnit(value: Value, channel: Channel): string {
  return typeof value === "number" ? figureText(value, channel.unit) : "–";
}

function cover(value: Value): string {
  return word(own(COVER_WORDS, String(value)) ?? "unknown");
}

function plain(value: Value): string {
  if (Array.isArray(value)) return value.join("\n");
  return value === null || value === "" ? "–" : nameOf(String(value));
}

function asIs(value: Value): string {
  return Array.isArray(value) ? value.join("\n") : value === null ? "–" : String(value);
}

const row = (control: Control, isWritten: boolean, isMeasured: boolean, rank: number, icon: Icon, text: Kind["text"]): Kind => ({ control, isWritten, isMeasured, rank, icon, text });

const KINDS: { [kind: string]: Kind } = {
  //                   command    written measured rank
  light: row("switch", true, true, 0, "lamp", onOff),
  switch: row("switch", true, true, 1, "plug", onOff),
  cover: row("cover", true, false, 2, "shutter", cover),
  binary_sensor: row("switch", false, true, 3, "door", contact),
  sensor: row("entry", false, true, 4, "gauge", withUnit),
  number: row("range", true, true, 5, "slider", withUnit),
  select: row("choice", true, false, 6, "list", plain),
  button: row("press", true, false, 7, "press", () => ""),
  event: row("none", false, false, 8, "press", () => ""),
  text: row("entry", false, false, 9, "text", asIs),
  text_list: row("entry", false, false, 10, "list", asIs),
  duration: row("entry", true, false, 11, "gauge", withUnit),
};

const STRANGE: Kind = row("none", false, false, 12, "text", asIs);

export function kindOf(channel: Channel): Kind {
  return own(KINDS, channel.kind) ?? STRANGE;
}

export function isWritable(channel: Channel): boolean {
  return channel.writable ?? kindOf(channel).isWritten;
}

export function valueText(device: Device, channel: Channel): string {
  return kindOf(channel).text(device.state[channel.key] ?? null, channel);
}

export function isOnOff(channel: Channel): boolean {
  return channel.kind === "light" || channel.kind === "switch" || channel.kind === "binary_sensor";
}

function hasState(channel: Channel): boolean {
  return !channel.commandOnly;
}

/** The channel that a device is about. */
export function mainChannel(device: Device): Channel | undefined {
  return device.channels.filter(hasState).reduce<Channel | undefined>((best, channel) => (best && kindOf(best).rank <= kindOf(channel).rank ? best : channel), undefined);
}

/** MAIN is its main channel: on or open. */
export function isLit(device: Device, main: Channel | undefined): boolean {
  const state = main && device.state[main.key];
  return state === "ON" || state === "open";
}

/** Of the same kind side by side: lamps first, and first those that are dimmed. */
export function cardRank(device: Device): number {
  const main = mainChannel(device);
  if (!main) return Infinity;
  return kindOf(main).rank + (rangeBeside(device, main) ? 0 : 0.5);
}

export function measuredChannels(device: Device): Channel[] {
  return device.channels.filter((channel) => kindOf(channel).isMeasured && hasState(channel));
}

/** Of a lamp its brightness, of a cover its position. */
export function rangeBeside(device: Device, main: Channel): Channel | undefined {
  if (main.kind !== "light" && main.kind !== "cover") return undefined;
  return device.channels.find((channel) => channel.kind === "number" && channel.max !== null && hasState(channel));
}

export function iconOf(device: Device): Icon {
  const main = mainChannel(device);
  if (!main) return "text";
  return own(CLASS_ICONS, main.class) ?? (main.kind === "sensor" ? own(UNIT_ICONS, main.unit) : undefined) ?? kindOf(main).icon;
}

/** What people see of a channel's numbers, and in which unit: 60 % rather than 153 of 255. */
export function scaleOf(channel: Channel): { factor: number; unit: string } {
  return channel.key === "brightness" && channel.max === 255 ? { factor: 100 / 255, unit: "%" } : { factor: 1, unit: channel.unit };
}

export function rangeText(value: number, channel: Channel): string {
  const { factor, unit } = scaleOf(channel);
  // A lamp that is on is not at 0 %.
  return factor === 1 ? withUnit(value, channel) : figureText(Math.max(1, Math.round(value * factor)), unit);
}

/** One line below a device's name. */
export function summaryText(device: Device): string {
  const main = mainChannel(device);
  if (!main) return "";
  const beside = rangeBeside(device, main);
  const value = beside ? device.state[beside.key] : null;
  const text = valueText(device, main);
  if (!beside || typeof value !== "number") return text;
  const shows = main.kind === "light" ? device.state[main.key] === "ON" : value > 0 && value < 100;
  return shows ? `${text} · ${rangeText(value, beside)}` : text;
}
