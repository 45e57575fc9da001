// SPDX-License-Identifier: Apache-2.0
// What a channel is commanded with. Each shows what was asked for while that is under way, then what is.

import type { App } from "./app.js";
import { el, setData, setText } from "./dom.js";
import type { Channel, Device } from "./house.js";
import { icon } from "./icons.js";
import { kindOf, rangeText } from "./kinds.js";
import { nameOf, type Word, word } from "./words.js";

export interface ControlView {
  readonly element: HTMLElement;
  update(device: Device): void;
}

type Maker = (app: App, device: Device, channel: Channel) => ControlView;

/** How long what was asked for is shown after the node agreed, while its new state is on the way. */
const AGREED_MS = 400;
/** The keyboard moves a slider step by step: what is sent is where it comes to rest. */
const REST_MS = 200;

function label(device: Device, channel: Channel): string {
  return word("controlOf", device.name, nameOf(channel.key));
}

/** It is no command of its own, but how long another takes. */
const TRANSITION = "transition";

function isTransition(channel: Channel): boolean {
  return channel.key === TRANSITION && channel.kind === "duration" && channel.commandOnly;
}

/** Sends one value, and remembers it until the node's state has it. */
class Wish<T> {
  value: T | null = null;
  private number = 0;

  constructor(private readonly app: App, private readonly device: Device, private readonly channel: Channel) {}

  /** On the channel's own topic, or with how long it is to take. */
  private how(value: T, payload: string): [leaf: string, payload: string] {
    const { key } = this.channel;
    const transition = this.app.transitions.get(this.device.key) ?? "";
    if (transition === "" || (key !== "state" && key !== "brightness")) return [`set/${key}`, payload];
    return ["set", JSON.stringify({ [key]: typeof value === "number" ? value : payload, [TRANSITION]: transition })];
  }

  async send(value: T, payload: string): Promise<void> {
    const number = ++this.number;
    this.value = value;
    const ok = await this.app.command(this.device, ...this.how(value, payload));
    const end = () => {
      if (this.number !== number) return;
      this.value = null;
      this.app.touch(this.device.key);
    };
    if (ok) setTimeout(end, AGREED_MS);
    else end();
  }
}

function makeSwitch(app: App, device: Device, channel: Channel): ControlView {
  const wish = new Wish<boolean>(app, device, channel);
  const element = el("button", { type: "button", class: "switch", role: "switch", "aria-checked": "false", "aria-label": device.name }, el("span", { class: "thumb" }));
  if (channel.key !== "state") element.setAttribute("aria-label", label(device, channel));
  element.addEventListener("click", () => {
    const on = element.getAttribute("aria-checked") !== "true";
    void wish.send(on, on ? "ON" : "OFF");
    draw(on);
  });
  const draw = (on: boolean) => {
    element.setAttribute("aria-checked", String(on));
    setData(element, "pending", String(wish.value !== null));
  };
  return { element, update: (now) => draw(wish.value ?? now.state[channel.key] === "ON") };
}

/** How finely a slider goes, where the channel leaves it open. */
function stepOf(channel: Channel): number {
  const spread = (channel.max ?? 100) - (channel.min ?? 0);
  return channel.step ?? (spread <= 2 ? 0.01 : 1);
}

function makeRange(app: App, device: Device, channel: Channel): ControlView {
  if (channel.min === null || channel.max === null) return makeEntry(app, device, channel);
  const wish = new Wish<number>(app, device, channel);
  const input = el("input", { type: "range", min: String(channel.min), max: String(channel.max), step: String(stepOf(channel)), "aria-label": label(device, channel) });
  const output = el("output", { class: "range-value" });
  const element = el("div", { class: "range" }, input, output);
  let isHeld = false;
  let rest: ReturnType<typeof setTimeout> | undefined;
  const draw = (value: number | null) => {
    const shown = value ?? channel.min ?? 0;
    input.value = String(shown);
    const share = (shown - (channel.min ?? 0)) / ((channel.max ?? 1) - (channel.min ?? 0));
    element.style.setProperty("--share", String(Math.max(0, Math.min(1, share))));
    setData(element, "unknown", String(value === null));
    const text = value === null ? "–" : rangeText(value, channel);
    setText(output, text);
    input.setAttribute("aria-valuetext", text);
    setData(element, "pending", String(wish.value !== null));
  };
  input.addEventListener("input", () => {
    isHeld = true;
    draw(Number(input.value));
  });
  input.addEventListener("change", () => {
    clearTimeout(rest);
    rest = setTimeout(() => {
      isHeld = false;
      void wish.send(Number(input.value), input.value);
      draw(Number(input.value));
    }, REST_MS);
  });
  const update = (now: Device) => {
    const value = now.state[channel.key];
    if (!isHeld) draw(wish.value ?? (typeof value === "number" ? value : null));
  };
  return { element, update };
}

function makeChoice(app: App, device: Device, channel: Channel): ControlView {
  const wish = new Wish<string>(app, device, channel);
  const options = channel.choices.map((choice) => el("option", { value: choice }, nameOf(choice)));
  const unknown = el("option", { value: "", disabled: true }, "–");
  const element = el("select", { class: "choice", "aria-label": label(device, channel) }, unknown, ...options);
  element.addEventListener("change", () => void wish.send(element.value, element.value));
  const update = (now: Device) => {
    const value = wish.value ?? now.state[channel.key];
    const text = typeof value === "string" ? value : "";
    if (document.activeElement !== element || wish.value === null) element.value = text;
    setData(element, "pending", String(wish.value !== null));
  };
  return { element, update };
}

function makeCover(app: App, device: Device, channel: Channel): ControlView {
  const button = (name: "up" | "stop" | "down", text: Word, payload: string) =>
    el("button", { type: "button", class: "round", "aria-label": word("controlOf", device.name, word(text)), title: word(text), click: () => void app.command(device, `set/${channel.key}`, payload) }, icon(name));
  const open = button("up", "openIt", "OPEN");
  const close = button("down", "closeIt", "CLOSE");
  const element = el("div", { class: "cover" }, open, button("stop", "stopIt", "STOP"), close);
  const update = (now: Device) => {
    const state = now.state[channel.key];
    setData(open, "moving", String(state === "opening"));
    setData(close, "moving", String(state === "closing"));
  };
  return { element, update };
}

function makePress(app: App, device: Device, channel: Channel): ControlView {
  const text = channel.key === "state" || channel.key === "press" ? word("press") : nameOf(channel.key);
  const press = () => void app.command(device, `set/${channel.key}`, "PRESS");
  return { element: el("button", { type: "button", class: "chip", "aria-label": word("controlOf", device.name, text), click: press }, text), update: () => {} };
}

function makeEntry(app: App, device: Device, channel: Channel): ControlView {
  const isNumber = channel.kind !== "text" && channel.kind !== "text_list" && channel.kind !== "duration";
  const limits = isNumber ? { type: "number", step: "any", ...(channel.min === null ? {} : { min: String(channel.min) }), ...(channel.max === null ? {} : { max: String(channel.max) }) } : { type: "text" };
  const isNeeded = isNumber || channel.kind === "duration"; // a node takes nothing empty
  const input = el("input", { ...limits, class: "entry-input", "aria-label": label(device, channel), placeholder: channel.kind === "duration" ? "30s" : channel.unit, required: isNeeded });
  const submit = (event: Event) => {
    event.preventDefault();
    void app.command(device, `set/${channel.key}`, input.value).then((ok) => {
      if (ok) input.value = "";
    });
  };
  const element = el("form", { class: "entry", submit }, input, el("button", { type: "submit", class: "chip" }, word("set")));
  return { element, update: () => {} };
}

/** Kept for the commands that follow. */
function makeTransition(app: App, device: Device, channel: Channel): ControlView {
  const input = el("input", { type: "text", class: "entry-input", "aria-label": label(device, channel), placeholder: "2s" });
  input.value = app.transitions.get(device.key) ?? "";
  input.addEventListener("input", () => app.transitions.set(device.key, input.value.trim()));
  return { element: el("div", { class: "entry" }, input), update: () => {} };
}

const MAKERS: { [control: string]: Maker } = { switch: makeSwitch, range: makeRange, choice: makeChoice, cover: makeCover, press: makePress, entry: makeEntry };

/** NULL for what takes no commands. */
export function makeControl(app: App, device: Device, channel: Channel): ControlView | null {
  const make = isTransition(channel) ? makeTransition : MAKERS[kindOf(channel).control];
  return make?.(app, device, channel) ?? null;
}
