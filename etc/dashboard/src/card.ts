// SPDX-License-Identifier: Apache-2.0
// One device in a room.

import { type App, deviceLink } from "./app.js";
import { makeControl, type ControlView } from "./controls.js";
import { el, setData, setHidden, setText } from "./dom.js";
import type { Channel, Device } from "./house.js";
import { icon, type Icon } from "./icons.js";
import { iconOf, isLit, isWritable, kindOf, mainChannel, rangeBeside, summaryText, valueText } from "./kinds.js";
import { join, type Trend } from "./points.js";
import { Spark } from "./spark.js";
import { nameOf, timeText, word } from "./words.js";

const DAY_MS = 86400_000;
const SPARK_EVERY_MS = 1000;
const MOST_SIDE_VALUES = 3;

/** What a card consists of; when this changes it is made again. */
export function cardShape(app: App, device: Device): string {
  return JSON.stringify([device.name, device.area, device.channels, app.mayCommand(device.node)]);
}

/** Why nothing of it is to be believed: "" where it works. */
export function outageText(app: App, device: Device): string {
  const availability = app.house.availability(device);
  if (availability === "online") return "";
  if (availability === "unknown") return word("unknown");
  return word(device.status === "online" ? "nodeOffline" : "offline");
}

export function errorBox(app: App, key: string): { element: HTMLElement; update(text: string): void } {
  const text = el("span");
  const close = el("button", { type: "button", class: "plain", "aria-label": word("dismiss"), click: () => app.dismiss(key) }, icon("close"));
  const element = el("p", { class: "fault", hidden: true }, icon("warning"), text, close);
  return {
    element,
    update(error) {
      const refusal = app.refusal(key);
      const shown = refusal || error;
      setHidden(element, shown === "");
      setHidden(close, refusal === "");
      setData(element, "refused", String(refusal !== ""));
      setText(text, shown);
    },
  };
}

export class Card {
  readonly element: HTMLElement;
  private readonly state = el("p", { class: "card-state" });
  private readonly badge = el("span", { class: "badge" });
  private readonly controls: ControlView[] = [];
  private readonly main: Channel | undefined;
  private readonly side: { channel: Channel; output: HTMLElement }[] = [];
  private readonly fault: ReturnType<typeof errorBox>;
  private value: HTMLElement | null = null;
  private spark: Spark | null = null;
  private sparkAt = 0;
  private sparkTrend: Trend | undefined;
  private shownIcon: Icon | null = null;

  constructor(private readonly app: App, device: Device) {
    this.main = mainChannel(device);
    this.fault = errorBox(app, device.key);
    const title = el("h3", {}, el("a", { href: deviceLink(device) }, device.name));
    const head = el("div", { class: "card-head" }, this.badge, el("div", { class: "card-title" }, title, this.state));
    this.element = el("article", { class: "card", "data-key": device.key }, head);
    this.addBody(device, head);
    this.element.append(this.fault.element);
  }

  private addBody(device: Device, head: HTMLElement): void {
    const { main } = this;
    if (!main) return;
    setData(this.element, "kind", main.kind);
    if (main.kind === "sensor") {
      this.addReadings(device, main);
      return;
    }
    if (!this.app.mayCommand(device.node)) return;
    const isSmall = main.kind === "light" || main.kind === "switch" || main.kind === "button";
    if (isWritable(main)) this.addControl(device, main, isSmall ? head : this.element);
    const beside = rangeBeside(device, main);
    if (beside && isWritable(beside)) this.addControl(device, beside, this.element);
  }

  private addControl(device: Device, channel: Channel, to: HTMLElement): void {
    const control = makeControl(this.app, device, channel);
    if (!control) return;
    this.controls.push(control);
    to.append(control.element);
  }

  private addReadings(device: Device, main: Channel): void {
    this.value = el("p", { class: "reading" });
    this.spark = new Spark();
    this.element.append(el("div", { class: "reading-row" }, this.value, this.spark.element));
    const others = device.channels.filter((channel) => channel !== main && kindOf(channel).isMeasured && !channel.commandOnly).slice(0, MOST_SIDE_VALUES);
    if (others.length === 0) return;
    const list = el("dl", { class: "side" });
    for (const channel of others) {
      const output = el("dd");
      this.side.push({ channel, output });
      list.append(el("div", {}, el("dt", {}, nameOf(channel.key)), output));
    }
    this.element.append(list);
  }

  /** What is out of sight has no curve: its node is not asked for one. */
  update(device: Device, now: number, isSeen: boolean): void {
    const outage = outageText(this.app, device);
    setData(this.element, "on", String(outage === "" && isLit(device, this.main)));
    setData(this.element, "available", String(outage === ""));
    setData(this.element, "pending", String(this.app.isPending(device.key)));
    this.drawIcon(outage === "" ? iconOf(device) : "away");
    setText(this.state, this.stateText(device, outage));
    for (const control of this.controls) {
      control.update(device);
      control.element.toggleAttribute("inert", this.app.house.availability(device) === "offline");
    }
    if (this.main && this.value) setText(this.value, valueText(device, this.main));
    for (const { channel, output } of this.side) setText(output, valueText(device, channel));
    this.fault.update(device.error);
    if (isSeen) this.drawSpark(device, now);
  }

  private drawIcon(name: Icon): void {
    if (name === this.shownIcon) return;
    this.shownIcon = name;
    this.badge.replaceChildren(icon(name));
  }

  private stateText(device: Device, outage: string): string {
    if (outage !== "") return outage;
    if (!this.main) return "";
    if (this.main.kind === "sensor") return nameOf(this.main.class || this.main.key);
    if (this.main.kind !== "event") return summaryText(device);
    const last = device.events[0];
    return last ? `${nameOf(last.type)} · ${timeText(last.time)}` : word("noEvents");
  }

  private drawSpark(device: Device, now: number): void {
    if (!this.spark || !this.main) return;
    if (this.app.mayCommand(device.node) && this.app.house.availability(device) === "online") this.app.trends.ask(device, "24h");
    const trend = this.app.trends.get(device, "24h")?.get(this.main.key);
    if (trend === this.sparkTrend && now - this.sparkAt < SPARK_EVERY_MS) return;
    this.sparkAt = now;
    this.sparkTrend = trend;
    const house = this.app.now();
    this.spark.draw(join(trend, device.points.get(this.main.key) ?? [], house - DAY_MS), (house - DAY_MS) / 1000, house / 1000);
  }
}
