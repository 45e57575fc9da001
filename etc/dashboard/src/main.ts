// SPDX-License-Identifier: Apache-2.0
// The page: reads config.json, connects, and shows the view that the address names.

import { type Arrival, type Config, Connection, NOT_SENT, type Options, Refused, type State, UNSURE } from "./connection.js";
import { Clock } from "./clock.js";
import { Commands, NOT_ALLOWED, sentenceOf } from "./commands.js";
import type { App, View } from "./app.js";
import { DeviceView } from "./device.js";
import { el, setData, setHidden, setText } from "./dom.js";
import { Frames } from "./frame.js";
import { type Device, House } from "./house.js";
import { icon, type Icon } from "./icons.js";
import { isJson, textOf } from "./json.js";
import { Log, type Message } from "./log.js";
import { MessagesView } from "./messages.js";
import { NodesView } from "./nodes.js";
import { RoomsView } from "./rooms.js";
import { Favourites, forgetHouse, keepHouse, keepLanguage, keptLanguage, recallHouse } from "./store.js";
import { readTopic } from "./topics.js";
import { Trends } from "./trends.js";
import { chooseLanguage, currentLanguage, timeText, type Word, word, WRITERS } from "./words.js";

const KEEP_EVERY_MS = 30_000;
/** The first picture waits for this long at most until all nodes are there: else each that comes moves what stands. */
const FILL_MS = 500;
const WORKER_MS = 2000;
const DEFAULT_PORT = 8884;
/** A command does not wait for longer than that for a web server that does not say what time it is. */
const CLOCK_WAIT_MS = 1000;

type Rights = "unknown" | "asked" | "yes" | "no";

interface Setup {
  config: Config;
  name: string; // the certificate's, where the web server says it
  fault: string;
}

/** A word of the address; what a mistyped one has is left as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What time it is at the web server; NaN where it does not say. */
async function askTime(): Promise<number> {
  const response = await fetch("config.json", { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(CLOCK_WAIT_MS) }).catch(() => null);
  return Date.parse(response?.headers.get("Date") ?? "");
}

/** The web server names the certificate's owner in a header: only it has seen the certificate. */
async function readConfig(): Promise<Setup> {
  const config: Config = { broker: `wss://${location.hostname}:${DEFAULT_PORT}/`, base: "sconce" };
  const setup: Setup = { config, name: "", fault: "" };
  try {
    const response = await fetch("config.json", { cache: "no-store" });
    setup.name = response.headers.get("Sconce-Client") ?? "";
    if (response.status === 404) return setup;
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const given: unknown = await response.json();
    if (!isJson(given)) throw new Error("no object");
    config.broker = new URL(textOf(given.broker) || config.broker).href;
    config.base = textOf(given.base) || config.base;
  } catch (error) {
    setup.fault = (error as Error).message;
  }
  return setup;
}

class Page implements App {
  readonly house = new House();
  readonly favourites = new Favourites();
  readonly frames = new Frames();
  readonly trends: Trends;
  readonly transitions = new Map<string, string>();
  private readonly log = new Log();
  private readonly connection: Connection;
  private commands: Commands;
  private state: State = "connecting";
  private reason = "";
  private staleSince: number | null;
  private isDescribed = false;
  private isSettled = false;
  private readonly clock = new Clock(askTime);
  private readonly rights = new Map<string, Rights>();
  private readonly pending = new Map<string, number>();
  private readonly refusals = new Map<string, string>();
  private readonly touched = new Set<string>();
  private view: View | null = null;
  private shell!: Shell;

  constructor(private readonly setup: Setup) {
    this.commands = this.newCommands();
    this.trends = new Trends(this.base, () => this.commands, (key) => this.touch(key));
    this.staleSince = recallHouse(this.house);
    this.connection = new Connection(setup.config, {
      state: (state, reason) => this.stateChanged(state, reason),
      arrival: (arrival) => this.arrived(arrival),
      described: () => this.described(),
      settled: () => this.settled(),
    });
  }

  get base(): string {
    return this.setup.config.base;
  }

  get messages(): Message[] {
    return this.log.messages;
  }

  start(): void {
    this.show();
    window.addEventListener("hashchange", () => this.route());
    window.addEventListener("online", () => this.connection.check());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.keep();
      else this.connection.check();
    });
    window.addEventListener("pagehide", () => this.keep());
    setInterval(() => this.keep(), KEEP_EVERY_MS);
    if (this.setup.fault === "") this.connection.start();
  }

  // ---- From the broker -------------------------------------------------------------------------------------------------

  private stateChanged(state: State, reason: string): void {
    // A try in between does not take the explanation away.
    if (state === "connecting" && this.state === "away") return;
    if (state === "connected") {
      this.commands = this.newCommands();
      this.trends.forget();
      this.isDescribed = false;
      this.frames.hold(FILL_MS);
    } else if (this.state === "connected") {
      if (this.isSettled || this.staleSince === null) this.staleSince = Date.now();
      this.keep();
      this.begin();
      this.frames.release(); // what they were held for does not come now
    }
    this.state = state;
    this.reason = reason;
    if (state === "connected") for (const name of this.house.nodes.keys()) if (this.house.nodes.get(name)?.isFresh) void this.askRights(name);
    this.refresh();
  }

  private newCommands(): Commands {
    return new Commands(this.base, this.setup.name, () => this.clock.surely(), (topic, payload, options: Options) => this.connection.publish(topic, payload, options));
  }

  private arrived(arrival: Arrival): void {
    const now = Date.now();
    this.log.add({ at: now, topic: arrival.topic, payload: arrival.payload, retained: arrival.retained });
    if (this.commands.take(arrival)) return;
    const topic = readTopic(this.base, arrival.topic);
    if (!topic) return;
    this.house.apply({ topic, payload: arrival.payload, retained: arrival.retained, now });
    if (topic.leaf === "info" && topic.device === "") void this.askRights(topic.node);
    this.frames.ask(this.draw);
  }

  private described(): void {
    this.isDescribed = true;
    this.clock.read(); // what is pressed before it is known waits for it
    this.house.forgetErrors();
    this.showFirst();
  }

  /** With the buttons that it may have. */
  private showFirst(): void {
    if (this.isDescribed && ![...this.rights.values()].includes("asked")) this.frames.release();
  }

  private settled(): void {
    this.isSettled = true;
    this.staleSince = null;
    this.house.dropStale();
    // A name that was taken off the list sees nothing: nor what it once saw.
    if (this.house.nodes.size === 0) forgetHouse();
    else this.keep();
    this.refresh();
  }

  /** An empty command is ignored by every node; the broker answers whether it was allowed. */
  private async askRights(node: string): Promise<void> {
    if (this.rights.has(node) || this.state !== "connected") return;
    this.rights.set(node, "asked");
    let rights: Rights = "yes";
    try {
      await this.connection.publish(`${this.base}/${node}/node/set`, "");
    } catch (error) {
      const code = error instanceof Refused ? error.code : UNSURE;
      if (code === NOT_SENT || code === UNSURE) {
        this.rights.delete(node);
        return;
      }
      if (code === NOT_ALLOWED) rights = "no";
    }
    this.rights.set(node, rights);
    this.refresh();
    this.showFirst();
  }

  /** The next connection finds out what there is and what may be commanded. */
  private begin(): void {
    this.rights.clear();
    this.isSettled = false;
    this.house.begin();
  }

  /** They were taken away under the page: what is left of them a new connection finds out, and what was seen may be all. */
  private loseRights(): void {
    this.begin();
    this.connection.start();
  }

  private keep(): void {
    if (this.isSettled && this.house.nodes.size > 0) keepHouse(this.house);
  }

  // ---- For the views ------------------------------------------------------------------------------------------------------

  mayCommand(node: string): boolean {
    return this.state === "connected" && this.rights.get(node) === "yes";
  }

  isReadOnly(node: string): boolean {
    return this.rights.get(node) === "no";
  }

  isAllReadOnly(): boolean {
    return this.rights.size > 0 && [...this.rights.values()].every((rights) => rights === "no");
  }

  isConnected(): boolean {
    return this.state === "connected";
  }

  now(): number {
    return this.clock.now();
  }

  messageCount(): number {
    return this.log.count;
  }

  isPending(key: string): boolean {
    return (this.pending.get(key) ?? 0) > 0;
  }

  refusal(key: string): string {
    return this.refusals.get(key) ?? "";
  }

  dismiss(key: string): void {
    this.refusals.delete(key);
    this.touch(key);
  }

  touch(key: string): void {
    this.touched.add(key);
    this.frames.ask(this.draw);
  }

  async command(device: Device, leaf: string, payload: string): Promise<boolean> {
    const { key } = device;
    this.pending.set(key, (this.pending.get(key) ?? 0) + 1);
    this.refusals.delete(key);
    this.touch(key);
    const outcome = await this.commands.send(`${this.base}/${key}/${leaf}`, payload);
    this.pending.set(key, (this.pending.get(key) ?? 1) - 1);
    if (!outcome.ok) {
      this.refusals.set(key, outcome.message);
      if (outcome.code === String(NOT_ALLOWED)) this.loseRights();
      this.shell.announce(word("refusedAt", device.name, outcome.message));
    }
    this.touch(key);
    return outcome.ok;
  }

  publish(topic: string, payload: string): Promise<void> {
    return this.connection.publish(topic, payload).catch((error: Refused) => {
      throw new Error(sentenceOf(error));
    });
  }

  // ---- On the screen ------------------------------------------------------------------------------------------------------

  /** All of it again: at the start, and in another language. */
  private show(): void {
    this.shell = new Shell({
      search: () => {
        if (!(this.view instanceof RoomsView)) location.hash = "#/";
        this.view?.refresh();
      },
      language: () => {
        keepLanguage(chooseLanguage(currentLanguage() === "en" ? "zh-Hant" : "en", []));
        this.show();
        this.shell.focusLanguage();
      },
      again: () => this.connection.start(),
    });
    this.route(false);
  }

  private makeView(): View {
    const [, name = "", first = "", second = ""] = location.hash.split("/").map(decoded);
    if (name === "device") return new DeviceView(this, `${first}/${second}`, () => this.emptyState(""));
    if (name === "log") return new MessagesView(this);
    if (name === "nodes") return new NodesView(this, () => this.emptyState(""));
    return new RoomsView(this, () => this.shell.searched, (search) => this.emptyState(search));
  }

  private route(byHand = true): void {
    this.view?.close?.();
    this.view = this.makeView();
    this.shell.show(this.view, byHand);
    this.refresh();
  }

  private refresh(): void {
    this.view?.refresh();
    this.drawShell();
    this.frames.ask(this.draw);
    this.frames.ask(this.drawBanner);
  }

  private readonly draw = (): boolean => {
    const { keys, layout } = this.house.take();
    for (const key of this.touched) keys.add(key);
    this.touched.clear();
    this.view?.update(keys, layout);
    return false;
  };

  private drawShell(): void {
    this.shell.drawState(this.state, this.isAllReadOnly());
    if (this.view) this.shell.drawTitle(this.view);
  }

  /** After the cards: it does not say that nothing is live above buttons. */
  private readonly drawBanner = (): boolean => {
    const isKnown = this.house.nodes.size > 0;
    const isStale = this.staleSince !== null && isKnown && this.state !== "connected";
    this.shell.drawBanner(isStale ? word("stale", timeText(this.staleSince as number)) : "");
    return false;
  };

  /** What stands where there is nothing to show: why, and what to do. */
  private emptyState(search: string): HTMLElement {
    const { broker } = this.setup.config;
    if (this.setup.fault !== "") return emptyBox("warning", word("configTitle"), word("configText", this.setup.fault));
    if (search !== "" && this.house.devices().length > 0) {
      return emptyBox("search", word("nothingTitle", search), word("nothingText"), el("button", { type: "button", class: "chip strong", click: () => this.shell.clearSearch() }, word("clearSearch")));
    }
    if (this.state === "connected") return this.isSettled ? emptyBox("lamp", word("emptyTitle"), word("emptyText")) : emptyBox("home", word("searchingTitle"), word("searchingText", broker));
    if (this.state === "connecting") return emptyBox("home", word("searchingTitle"), word("searchingText", broker));
    if (this.reason !== "") return emptyBox("away", word("refusedTitle"), word("refusedText", this.reason), this.againButton());
    const link = el("a", { href: this.connection.page, target: "_blank", rel: "noopener" }, word("askCertificate"));
    return emptyBox("away", word("awayTitle"), word("awayText", broker), el("p", { class: "note" }, link, " ", word("askCertificateText")), this.againButton());
  }

  private againButton(): HTMLElement {
    return el("button", { type: "button", class: "chip strong", click: () => this.connection.start() }, word("tryNow"));
  }
}

function emptyBox(name: Icon, title: string, text: string, ...more: HTMLElement[]): HTMLElement {
  const words = text.split("`").map((part, at) => (at % 2 === 1 ? el("code", {}, part) : part));
  return el("div", { class: "empty" }, el("span", { class: "badge large" }, icon(name)), el("h2", {}, title), el("p", {}, ...words), ...more);
}

// ---- What is around the views ---------------------------------------------------------------------------------------------

interface ShellHandlers {
  search: () => void;
  language: () => void;
  again: () => void;
}

const PLACES: readonly (readonly [hash: string, word: Word, icon: Icon])[] = [
  ["#/", "rooms", "home"],
  ["#/nodes", "nodes", "chip"],
  ["#/log", "log", "list"],
];

class Shell {
  private readonly main = el("main", { id: "content", tabindex: "-1" });
  private readonly field: HTMLInputElement;
  private readonly state = el("span");
  private readonly statePill = el("p", { class: "pill", role: "status" }, el("span", { class: "dot" }), this.state);
  private readonly readOnly = el("p", { class: "pill view-only", hidden: true }, icon("eye"), el("span", {}, word("readOnly")));
  private readonly bannerText = el("span");
  private readonly banner: HTMLElement;
  private readonly language: HTMLElement;
  private readonly live = el("p", { class: "unseen", role: "alert" });
  private readonly links = new Map<string, HTMLAnchorElement>();

  constructor(handlers: ShellHandlers) {
    document.documentElement.lang = currentLanguage();
    const searched = document.querySelector<HTMLInputElement>(".search input")?.value ?? "";
    this.field = el("input", { type: "search", "aria-label": word("search"), placeholder: word("search"), input: handlers.search });
    this.field.value = searched;
    const language = (this.language = el("button", { type: "button", class: "plain language", lang: currentLanguage() === "en" ? "zh-Hant" : "en", click: handlers.language }, word("otherLanguage")));
    const nav = el("nav", { "aria-label": word("mainMenu") }, ...PLACES.map(([hash, name, drawing]) => this.link(hash, name, drawing)));
    const brand = el("a", { class: "brand", href: "#/" }, el("img", { src: "icons/icon.svg", alt: "", width: "28", height: "28" }), "Sconce");
    const search = el("label", { class: "search" }, icon("search"), this.field);
    const again = el("button", { type: "button", class: "plain", click: handlers.again }, word("tryNow"));
    this.banner = el("div", { class: "banner", role: "status", hidden: true }, this.bannerText, again);
    const skip = el("a", { class: "skip", href: "#content", click: (event) => this.skip(event) }, word("skip"));
    document.body.replaceChildren(skip, el("header", { class: "top" }, brand, nav, search, this.readOnly, this.statePill, language), this.banner, this.main, this.live);
  }

  private link(hash: string, name: Word, drawing: Icon): HTMLElement {
    const link = el("a", { href: hash }, icon(drawing), el("span", {}, word(name)));
    this.links.set(hash, link);
    return link;
  }

  private skip(event: Event): void {
    event.preventDefault();
    this.main.focus();
  }

  get searched(): string {
    return this.field.value;
  }

  focusLanguage(): void {
    this.language.focus();
  }

  clearSearch(): void {
    this.field.value = "";
    this.field.dispatchEvent(new Event("input"));
    this.field.focus();
  }

  show(view: View, byHand: boolean): void {
    this.main.replaceChildren(view.element);
    const here = location.hash === "" ? "#/" : location.hash;
    for (const [hash, link] of this.links) {
      if (hash === here) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (!byHand || document.activeElement === this.field) return;
    scrollTo(0, 0);
    (this.main.querySelector<HTMLElement>("h1") ?? this.main).focus({ preventScroll: true });
  }

  drawTitle(view: View): void {
    const title = view instanceof RoomsView ? "Sconce" : `${view.title} · Sconce`;
    if (document.title !== title) document.title = title;
  }

  drawState(state: State, readOnly: boolean): void {
    const texts: { [one in State]: Word } = { connecting: "connecting", connected: "connected", away: "away" };
    setText(this.state, word(texts[state]));
    setData(this.statePill, "state", state);
    setHidden(this.readOnly, !(readOnly && state === "connected"));
  }

  drawBanner(text: string): void {
    setText(this.bannerText, text);
    setHidden(this.banner, text === "");
  }

  announce(text: string): void {
    setText(this.live, "");
    requestAnimationFrame(() => setText(this.live, text)); // else the same again is not read out
  }
}

async function begin(): Promise<void> {
  chooseLanguage(keptLanguage(), navigator.languages);
  // Ten milliseconds each the first time: while the page waits for others, and not when there is something to draw.
  for (const writer of WRITERS) setTimeout(writer);
  new Page(await readConfig()).start();
  // It reads all files once more, which can wait until the house stands.
  if ("serviceWorker" in navigator) setTimeout(() => navigator.serviceWorker.register("sw.js").catch(() => {}), WORKER_MS);
}

void begin();
