// SPDX-License-Identifier: Apache-2.0
// One device whole: every channel, what it was like over time, what happened, what it is.

import type { App, View } from "./app.js";
import { cardShape, errorBox, outageText } from "./card.js";
import { type ControlView, makeControl } from "./controls.js";
import { el, setData, setHidden, setText } from "./dom.js";
import type { Channel, Device } from "./house.js";
import { icon } from "./icons.js";
import { figureText, iconOf, isLit, isOnOff, isWritable, mainChannel, measuredChannels, scaleOf, valueText } from "./kinds.js";
import { Plot } from "./plot.js";
import { join, scaled, type Span, summary } from "./points.js";
import { nameOf, numberText, timeText, type Word, word } from "./words.js";

const SPANS: { [span in Span]: { ms: number; name: Word } } = {
  "24h": { ms: 86400_000, name: "day" },
  "7d": { ms: 7 * 86400_000, name: "week" },
};
const ASK_AGAIN_MS = 300_000;
const NOTE_SHARE = 0.25; // of the plot's width has no note over it

interface Curved {
  channel: Channel;
  plot: Plot;
  note: HTMLElement; // over the plot, where it has nothing
  caption: HTMLElement;
}

export class DeviceView implements View {
  readonly element = el("div", { class: "device" });
  private span: Span = "24h";
  private shape = "";
  private controls: ControlView[] = [];
  private values: { channel: Channel; output: HTMLElement }[] = [];
  private curves: Curved[] = [];
  private parts: { [name: string]: HTMLElement } = {};
  private fault: ReturnType<typeof errorBox> | null = null;
  private readonly again: ReturnType<typeof setInterval>;

  /** EMPTY is what stands there while no device is known. */
  constructor(private readonly app: App, private readonly key: string, private readonly empty: () => HTMLElement) {
    this.again = setInterval(() => this.askTrend(true), ASK_AGAIN_MS);
    this.askTrend(true);
    this.draw();
  }

  get title(): string {
    return this.app.house.device(this.key)?.name ?? this.key;
  }

  update(keys: ReadonlySet<string>, layout: boolean): void {
    if (layout || keys.has(this.key)) this.app.frames.ask(this.draw);
  }

  refresh(): void {
    this.askTrend(false);
    this.app.frames.ask(this.draw);
  }

  close(): void {
    clearInterval(this.again);
    for (const { plot } of this.curves) plot.close();
  }

  private askTrend(again: boolean): void {
    const device = this.app.house.device(this.key);
    if (!device || !this.app.mayCommand(device.node)) return;
    if (measuredChannels(device).length > 0) this.app.trends.ask(device, this.span, again);
  }

  private readonly draw = (): boolean => {
    const device = this.app.house.device(this.key);
    if (!device || device.plugin === "") {
      this.shape = "";
      const isNoneKnown = this.app.house.devices().length === 0;
      this.element.replaceChildren(this.backLink(), isNoneKnown ? this.empty() : el("div", { class: "empty" }, el("h1", {}, this.key), el("p", {}, word("gone"))));
      return false;
    }
    const shape = cardShape(this.app, device);
    if (shape !== this.shape) this.make(device, shape);
    this.drawParts(device);
    return false;
  };

  // ---- Made once -----------------------------------------------------------------------------------------------

  private backLink(): HTMLElement {
    return el("a", { class: "back", href: "#/" }, icon("back"), word("rooms"));
  }

  private make(device: Device, shape: string): void {
    this.shape = shape;
    for (const { plot } of this.curves) plot.close();
    [this.controls, this.values, this.curves] = [[], [], []];
    this.fault = errorBox(this.app, this.key);
    this.askTrend(false);
    const columns = el("div", { class: "columns" }, this.makeChannels(device), this.makeCurves(device), this.makeEvents(device), this.makeDetails(device));
    this.element.replaceChildren(this.backLink(), this.makeHead(device), this.fault.element, columns);
  }

  private makeHead(device: Device): HTMLElement {
    const status = (this.parts.status = el("span", { class: "status" }));
    const star = (this.parts.star = el("button", { type: "button", class: "round star", "aria-pressed": "false", click: () => this.star() }, icon("star")));
    return el("header", { class: "device-head" }, el("span", { class: "badge large" }, icon(iconOf(device))), el("div", {}, el("h1", { tabindex: "-1" }, device.name), el("p", {}, device.area, device.area ? " · " : "", status)), star);
  }

  private star(): void {
    this.app.favourites.toggle(this.key);
    this.app.touch(this.key);
  }

  private makeChannels(device: Device): HTMLElement | null {
    const list = el("div", { class: "rows" });
    for (const channel of device.channels) {
      const row = this.makeRow(device, channel);
      if (row) list.append(row);
    }
    if (list.childElementCount === 0) return null;
    return el("section", { class: "panel" }, el("h2", {}, word(this.controls.length > 0 ? "controls" : "readings")), list);
  }

  private makeRow(device: Device, channel: Channel): HTMLElement | null {
    if (channel.kind === "event") return null;
    const name = el("span", { class: "row-name" }, nameOf(channel.key));
    const output = el("span", { class: "row-value" });
    const control = isWritable(channel) && this.app.mayCommand(device.node) ? makeControl(this.app, device, channel) : null;
    if (control) this.controls.push(control);
    if (!control && channel.commandOnly) return null;
    const hasText = !channel.commandOnly && channel.kind !== "button" && !control?.element.matches(".range, .choice");
    if (hasText) this.values.push({ channel, output });
    return el("div", { class: "row" }, name, hasText ? output : null, control?.element ?? null);
  }

  private makeCurves(device: Device): HTMLElement | null {
    const channels = measuredChannels(device);
    if (channels.length === 0) return null;
    const figures = channels.map((channel) => {
      const plot = new Plot(isOnOff(channel));
      const caption = el("span", { class: "caption" });
      const note = el("p", { class: "plot-note", hidden: true });
      this.curves.push({ channel, plot, note, caption });
      return el("figure", { "data-channel": channel.key }, el("figcaption", {}, el("strong", {}, nameOf(channel.key)), caption), plot.element, note);
    });
    return el("section", { class: "panel wide" }, el("header", { class: "panel-head" }, el("h2", {}, word("overTime")), this.makeSpans()), ...figures);
  }

  private makeSpans(): HTMLElement {
    const choose = (span: Span) => () => {
      this.span = span;
      this.askTrend(true);
      this.app.frames.ask(this.draw);
    };
    const buttons = (Object.keys(SPANS) as Span[]).map((span) => (this.parts[span] = el("button", { type: "button", "aria-pressed": "false", click: choose(span) }, word(SPANS[span].name))));
    return el("div", { class: "segments", role: "group", "aria-label": word("spanOf") }, ...buttons);
  }

  private makeEvents(device: Device): HTMLElement | null {
    if (!device.channels.some((channel) => channel.kind === "event")) return null;
    const list = (this.parts.events = el("ol", { class: "events" }));
    return el("section", { class: "panel" }, el("h2", {}, word("events")), list);
  }

  private makeDetails(device: Device): HTMLElement {
    const rows: [Word, string][] = [
      ["node", device.node],
      ["plugin", device.plugin],
      ["topics", `${this.app.base}/${device.key}`],
    ];
    const list = el("dl", { class: "details" }, ...rows.flatMap(([name, text]) => [el("dt", {}, word(name)), el("dd", {}, text)]));
    this.parts.time = el("dd");
    list.append(el("dt", {}, word("lastReading")), this.parts.time);
    return el("section", { class: "panel" }, el("h2", {}, word("details")), list);
  }

  // ---- Drawn again and again --------------------------------------------------------------------------------------

  private drawParts(device: Device): void {
    const outage = outageText(this.app, device);
    const { status, star, time, events } = this.parts;
    if (status) {
      setText(status, outage || word("online"));
      setData(status, "ok", String(outage === ""));
    }
    if (star) {
      const isStarred = this.app.favourites.has(this.key);
      star.setAttribute("aria-pressed", String(isStarred));
      star.setAttribute("aria-label", word(isStarred ? "removeFavourite" : "addFavourite"));
    }
    if (time) setText(time, device.time === null ? "–" : timeText(device.time));
    setData(this.element, "on", String(outage === "" && isLit(device, mainChannel(device))));
    setData(this.element, "pending", String(this.app.isPending(this.key)));
    this.fault?.update(device.error);
    for (const { channel, output } of this.values) setText(output, valueText(device, channel));
    for (const control of this.controls) {
      control.update(device);
      control.element.toggleAttribute("inert", this.app.house.availability(device) === "offline");
    }
    if (events) this.drawEvents(device, events);
    this.drawCurves(device);
  }

  private drawEvents(device: Device, list: HTMLElement): void {
    const items = device.events.map((event) => el("li", {}, el("time", {}, timeText(event.time)), el("span", {}, `${nameOf(event.channel)}: ${nameOf(event.type)}`)));
    list.replaceChildren(...(items.length > 0 ? items : [el("li", { class: "note" }, word("noEvents"))]));
  }

  /** Why it is not known what was before: "" where it is. */
  private whyNone(device: Device): string {
    const { trends } = this.app;
    if (trends.get(device, this.span)) return "";
    if (this.app.isReadOnly(device.node)) return word("trendReadOnly");
    if (trends.state(device, this.span) === "refused") return trends.refusal(device, this.span);
    return word(this.app.isConnected() ? "loading" : "away");
  }

  private drawCurves(device: Device): void {
    const { ms } = SPANS[this.span];
    const now = this.app.now();
    const why = this.whyNone(device);
    for (const span of Object.keys(SPANS)) this.parts[span]?.setAttribute("aria-pressed", String(span === this.span));
    for (const { channel, plot, note, caption } of this.curves) {
      const trend = this.app.trends.get(device, this.span)?.get(channel.key);
      // Of what is on or off, the share of each bucket: single readings are no shares.
      const points = isOnOff(channel) && trend ? [] : (device.points.get(channel.key) ?? []);
      const { factor, unit } = scaleOf(channel);
      const curve = scaled(join(trend, points, now - ms), factor);
      const about = summary(curve, now / 1000);
      const text = !about ? (why === "" ? word("noReadings") : "") : isOnOff(channel) ? word("shareOn", `${numberText(about.mean * 100, 1)}%`) : word("range", ...[about.low, about.mean, about.high].map((value) => figureText(value, unit)));
      setText(caption, text);
      setText(note, why);
      // Beside what has come since, and away once that needs the room.
      setHidden(note, why === "" || (curve.times[0] ?? Infinity) * 1000 < now - ms * NOTE_SHARE);
      setData(plot.element, "points", String(curve.values.filter((value) => value !== null).length));
      plot.draw(curve, (now - ms) / 1000, now / 1000, `${nameOf(channel.key)}: ${text || why}`);
    }
  }
}
