// SPDX-License-Identifier: Apache-2.0
// The boards of the house: how each is, and what its people should know.

import type { App, View } from "./app.js";
import { errorBox } from "./card.js";
import { el, setData, setHidden, setText } from "./dom.js";
import type { Device, Node, Value } from "./house.js";
import { icon } from "./icons.js";
import { ageText, compareNames, numberText, type Word, word } from "./words.js";

/** From here on the certificate's end is shown as a warning. */
const FEW_DAYS = 30;

interface Fact {
  name: Word;
  text: (node: Node) => string;
}

function number(value: Value | undefined): number | null {
  return typeof value === "number" ? value : null;
}

function orDash<T>(value: T | null, text: (value: T) => string): string {
  return value === null ? "–" : text(value);
}

const FACTS: Fact[] = [
  { name: "version", text: (node) => node.version || "–" },
  { name: "uptime", text: (node) => orDash(number(node.health.uptime_s), ageText) },
  { name: "memory", text: (node) => orDash(number(node.health.memory_kb), (kb) => `${numberText(kb / 1024, 1)}\u202fMB`) },
  { name: "queue", text: (node) => orDash(number(node.health.queue), numberText) },
  { name: "dropped", text: (node) => orDash(number(node.health.dropped), numberText) },
  { name: "certificate", text: (node) => orDash(number(node.health.certificate_days), (days) => word("days", numberText(days, 0))) },
];

class NodePanel {
  readonly element: HTMLElement;
  private readonly status = el("span", { class: "status" });
  private readonly devices = el("span");
  private readonly facts: { fact: Fact; output: HTMLElement }[] = [];
  private readonly problems = el("ul", { class: "problems" });
  private readonly buttons = el("div", { class: "bar", hidden: true });
  private readonly fault: ReturnType<typeof errorBox>;

  constructor(private readonly app: App, node: Node) {
    this.fault = errorBox(app, `${node.name}/node`);
    const list = el("dl", { class: "details" });
    for (const fact of FACTS) {
      const output = el("dd");
      this.facts.push({ fact, output });
      list.append(el("dt", {}, word(fact.name)), output);
    }
    this.addButtons(node.name);
    const head = el("header", { class: "panel-head" }, el("span", { class: "badge" }, icon("chip")), el("div", {}, el("h2", {}, node.name), el("p", { class: "card-state" }, this.status, " · ", this.devices)));
    this.element = el("section", { class: "panel", "data-node": node.name }, head, this.problems, list, this.fault.element, this.buttons);
  }

  private addButtons(name: string): void {
    const device = (): Device | undefined => this.app.house.device(`${name}/node`);
    const press = (channel: string) => {
      const own = device();
      if (own) void this.app.command(own, `set/${channel}`, "PRESS");
    };
    const restart = el("button", { type: "button", class: "chip" }, word("restart"));
    let isAsked = false;
    restart.addEventListener("click", () => {
      if (isAsked) press("restart");
      isAsked = !isAsked;
      setText(restart, word(isAsked ? "sure" : "restart"));
      setData(restart, "asked", String(isAsked));
    });
    restart.addEventListener("blur", () => {
      isAsked = false;
      setText(restart, word("restart"));
      setData(restart, "asked", "false");
    });
    this.buttons.append(el("button", { type: "button", class: "chip", click: () => press("reload") }, word("reload")), restart);
  }

  update(node: Node): void {
    setText(this.status, word(node.status));
    setData(this.status, "ok", String(node.status === "online"));
    const devices = [...node.devices.values()].filter((device) => device.plugin !== "" && device.id !== "node");
    const offline = devices.filter((device) => this.app.house.availability(device) !== "online").length;
    setText(this.devices, word("deviceCount", devices.length) + (offline > 0 ? word("offlineCount", offline) : ""));
    for (const { fact, output } of this.facts) setText(output, fact.text(node));
    const certificate = this.facts.find(({ fact }) => fact.name === "certificate");
    const days = number(node.health.certificate_days);
    if (certificate) setData(certificate.output, "few", String(days !== null && days < FEW_DAYS));
    const problems = Array.isArray(node.health.problems) ? node.health.problems : [];
    if (this.problems.textContent !== problems.join("")) this.problems.replaceChildren(...problems.map((problem) => el("li", {}, icon("warning"), el("span", {}, problem))));
    setHidden(this.problems, problems.length === 0);
    setHidden(this.buttons, !this.app.mayCommand(node.name) || node.status !== "online");
    this.fault.update("");
  }
}

export class NodesView implements View {
  readonly element = el("div", { class: "nodes" });
  private readonly panels = new Map<string, NodePanel>();
  private readonly grid = el("div", { class: "columns" });

  constructor(private readonly app: App, private readonly empty: () => HTMLElement) {
    this.element.append(el("h1", { tabindex: "-1" }, word("nodes")), this.grid);
    this.refresh();
  }

  get title(): string {
    return word("nodes");
  }

  update(keys: ReadonlySet<string>): void {
    if (keys.size > 0) this.refresh();
  }

  refresh(): void {
    this.app.frames.ask(this.draw);
  }

  private readonly draw = (): boolean => {
    const nodes = [...this.app.house.nodes.values()].sort((a, b) => compareNames(a.name, b.name));
    for (const [name, panel] of this.panels) {
      if (this.app.house.nodes.has(name)) continue;
      panel.element.remove();
      this.panels.delete(name);
    }
    this.element.querySelector(":scope > .empty")?.remove();
    if (nodes.length === 0) this.element.append(this.empty());
    for (const node of nodes) {
      let panel = this.panels.get(node.name);
      if (!panel) {
        panel = new NodePanel(this.app, node);
        this.panels.set(node.name, panel);
        this.grid.append(panel.element);
      }
      panel.update(node);
    }
    return false;
  };
}
