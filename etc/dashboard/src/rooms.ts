// SPDX-License-Identifier: Apache-2.0
// The first view: rooms, and in each its devices. Only cards on the screen are drawn, a few each frame.

import type { App, View } from "./app.js";
import { Card, cardShape } from "./card.js";
import { el, setHidden, setText } from "./dom.js";
import type { Device } from "./house.js";
import { cardRank, mainChannel, valueText } from "./kinds.js";
import { compareNames, word } from "./words.js";

const FAVOURITES = "\u0000"; // the section before all rooms: no area is called so
const SUMMARY_EVERY_MS = 500;

interface Room {
  element: HTMLElement;
  grid: HTMLElement;
  summary: HTMLElement;
  devices: Device[];
}

interface Place {
  name: string; // AREA, a line feed, KEY
  room: Room;
  device: Device;
  at: number;
}

interface Placed {
  card: Card;
  shape: string;
  device: string; // its key
}

/** What is searched in a device. */
function matches(device: Device, parts: string[]): boolean {
  const text = `${device.name}\n${device.area}\n${device.key}`.toLowerCase();
  return parts.every((part) => text.includes(part));
}

export class RoomsView implements View {
  private readonly list = el("div", { class: "rooms" });
  readonly element = el("div", {}, el("h1", { class: "unseen", tabindex: "-1" }, word("rooms")), this.list);
  private readonly rooms = new Map<string, Room>();
  private readonly placed = new Map<string, Placed>(); // by the place's name
  private readonly byElement = new Map<Element, Placed>();
  private readonly visible = new Set<Placed>();
  private readonly dirty = new Set<Placed>(); // those of the visible that changed, the first of them first
  private readonly observer = new IntersectionObserver((entries) => this.seen(entries), { rootMargin: "200px" });
  private needsLayout = true;
  private plan: Place[] = [];
  private planned = 0; // how many of the plan stand
  private summaryAt = 0;
  private summaryTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly app: App, private readonly search: () => string, private readonly empty: (search: string) => HTMLElement) {
    this.ask();
  }

  get title(): string {
    return word("rooms");
  }

  update(keys: ReadonlySet<string>, layout: boolean): void {
    for (const placed of this.visible) if (keys.has(placed.device)) this.dirty.add(placed);
    if (layout) this.needsLayout = true;
    this.ask();
  }

  refresh(): void {
    this.needsLayout = true;
    this.ask();
  }

  close(): void {
    this.observer.disconnect();
    clearTimeout(this.summaryTimer);
  }

  private ask(): void {
    this.app.frames.ask(this.draw);
  }

  private seen(entries: IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      const placed = this.byElement.get(target);
      if (!placed) continue;
      if (isIntersecting) this.visible.add(placed);
      else this.visible.delete(placed);
      // While it was out of sight it was not drawn.
      if (isIntersecting) this.dirty.add(placed);
      else this.dirty.delete(placed);
    }
    this.ask();
  }

  /** A job of Frames: draws what changed and is seen, then goes on laying out. */
  private readonly draw = (isTimeUp: () => boolean): boolean => {
    const now = Date.now();
    for (const placed of this.dirty) {
      this.dirty.delete(placed);
      const device = this.app.house.device(placed.device);
      if (device) placed.card.update(device, now, true);
      if (isTimeUp()) return true;
    }
    if (!this.layOut(isTimeUp)) return true;
    this.drawSummaries(now);
    return false;
  };

  private wanted(): Map<string, Device[]> {
    const search = this.search().trim().toLowerCase();
    const found = this.app.house.devices();
    const ranked = (search === "" ? found : found.filter((device) => matches(device, search.split(/\s+/)))).map((device) => ({ device, rank: cardRank(device) }));
    ranked.sort((a, b) => a.rank - b.rank || compareNames(a.device.name, b.device.name));
    const devices = ranked.map(({ device }) => device);
    const rooms = new Map<string, Device[]>();
    const favourites = devices.filter((device) => this.app.favourites.has(device.key));
    if (favourites.length > 0) rooms.set(FAVOURITES, favourites);
    const byArea = new Map<string, Device[]>();
    for (const device of devices) {
      const there = byArea.get(device.area);
      if (there) there.push(device);
      else byArea.set(device.area, [device]);
    }
    const areas = [...byArea.keys()].sort((a, b) => (a === "" ? 1 : b === "" ? -1 : compareNames(a, b)));
    for (const area of areas) rooms.set(area, byArea.get(area) ?? []);
    return rooms;
  }

  /** What stands where, and takes away what does not: once for each layout, however many frames its cards then take. */
  private makePlan(): Place[] {
    const wanted = this.wanted();
    const plan: Place[] = [];
    const keep = new Set<string>();
    let before: Element | null = null;
    for (const [area, devices] of wanted) {
      const room = this.ensureRoom(area);
      room.devices = devices;
      room.element.style.setProperty("--cards", String(devices.length));
      if (before ? before.nextElementSibling !== room.element : this.list.firstElementChild !== room.element) {
        if (before) before.after(room.element);
        else this.list.prepend(room.element);
      }
      before = room.element;
      for (const [at, device] of devices.entries()) {
        const name = `${area}\n${device.key}`;
        keep.add(name);
        plan.push({ name, room, device, at });
      }
    }
    for (const [name, placed] of this.placed) if (!keep.has(name)) this.remove(name, placed);
    for (const [area, room] of this.rooms) {
      if (wanted.has(area)) continue;
      room.element.remove();
      this.rooms.delete(area);
    }
    this.list.querySelector(":scope > .empty")?.remove();
    if (wanted.size === 0) this.list.append(this.empty(this.search().trim()));
    return plan;
  }

  /** True when all stands where it should; what time was left for is there already. */
  private layOut(isTimeUp: () => boolean): boolean {
    if (this.needsLayout) {
      this.plan = this.makePlan();
      this.planned = 0;
      this.needsLayout = false;
    }
    while (this.planned < this.plan.length) {
      this.place(this.plan[this.planned++] as Place);
      if (isTimeUp()) return false;
    }
    return true;
  }

  private place({ name, room, device, at }: Place): void {
    const shape = cardShape(this.app, device);
    let placed = this.placed.get(name);
    let hadFocus = false;
    if (placed?.shape !== shape) {
      hadFocus = placed?.card.element.contains(document.activeElement) ?? false;
      if (placed) this.remove(name, placed);
      placed = { card: new Card(this.app, device), shape, device: device.key };
      placed.card.update(device, Date.now(), false);
      this.placed.set(name, placed);
      this.byElement.set(placed.card.element, placed);
      this.observer.observe(placed.card.element);
    }
    const there = room.grid.children[at];
    if (there !== placed.card.element) room.grid.insertBefore(placed.card.element, there ?? null);
    if (hadFocus) placed.card.element.querySelector("a")?.focus({ preventScroll: true });
  }

  private remove(name: string, placed: Placed): void {
    const { element } = placed.card;
    this.observer.unobserve(element);
    this.visible.delete(placed);
    this.dirty.delete(placed);
    this.byElement.delete(element);
    this.placed.delete(name);
    element.remove();
  }

  private ensureRoom(area: string): Room {
    let room = this.rooms.get(area);
    if (!room) {
      const id = `room-${this.rooms.size}-${Date.now()}`;
      const name = area === FAVOURITES ? word("favourites") : area === "" ? word("elsewhere") : area;
      const summary = el("p", { class: "room-summary" });
      const grid = el("div", { class: "grid" });
      const element = el("section", { class: "room", "aria-labelledby": id }, el("header", { class: "room-head" }, el("h2", { id }, name), summary), grid);
      room = { element, grid, summary, devices: [] };
      this.rooms.set(area, room);
    }
    return room;
  }

  private drawSummaries(now: number): void {
    if (now - this.summaryAt < SUMMARY_EVERY_MS) {
      this.summaryTimer ??= setTimeout(() => this.ask(), SUMMARY_EVERY_MS);
      return;
    }
    clearTimeout(this.summaryTimer);
    this.summaryTimer = undefined;
    this.summaryAt = now;
    for (const room of this.rooms.values()) {
      const text = this.summary(room.devices);
      setText(room.summary, text);
      setHidden(room.summary, text === "");
    }
  }

  /** "2 on · 21.4 °C": what one asks of a room from its door. */
  private summary(devices: Device[]): string {
    let on = 0;
    let climate = "";
    for (const device of devices) {
      const main = mainChannel(device);
      if (!main || this.app.house.availability(device) !== "online") continue;
      if (main.kind === "light" && device.state[main.key] === "ON") on++;
      const temperature = device.channels.find((channel) => channel.class === "temperature" && channel.kind === "sensor");
      if (climate === "" && temperature && typeof device.state[temperature.key] === "number") climate = valueText(device, temperature);
    }
    return [on > 0 ? word("lampsOn", on) : "", climate].filter((text) => text !== "").join(" · ");
  }
}
