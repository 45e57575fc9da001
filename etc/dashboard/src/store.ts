// SPDX-License-Identifier: Apache-2.0
// What this browser keeps: favourites, the language, the last state. A browser that keeps nothing is none the worse.

import type { Device, House, Node } from "./house.js";

const PREFIX = "sconce.";

function keep(key: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // full, or forbidden
  }
}

function kept(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + key) ?? "null");
  } catch {
    return null;
  }
}

export function keptLanguage(): string | null {
  const language = kept("language");
  return typeof language === "string" ? language : null;
}

export function keepLanguage(language: string): void {
  keep("language", language);
}

export class Favourites {
  private readonly keys: Set<string>;

  constructor() {
    const list = kept("favourites");
    this.keys = new Set(Array.isArray(list) ? list.filter((key): key is string => typeof key === "string") : []);
  }

  has(key: string): boolean {
    return this.keys.has(key);
  }

  toggle(key: string): void {
    if (!this.keys.delete(key)) this.keys.add(key);
    keep("favourites", [...this.keys]);
  }
}

type KeptDevice = Pick<Device, "id" | "plugin" | "name" | "area" | "channels" | "status" | "error" | "state" | "time">;

interface KeptNode extends Omit<Node, "devices" | "isFresh"> {
  devices: KeptDevice[];
}

export function keepHouse(house: House): void {
  const nodes: KeptNode[] = [...house.nodes.values()].map((node) => ({
    name: node.name,
    status: node.status,
    version: node.version,
    started: node.started,
    health: node.health,
    devices: [...node.devices.values()].map(({ id, plugin, name, area, channels, status, error, state, time }) => ({ id, plugin, name, area, channels, status, error, state, time })),
  }));
  keep("house", { at: Date.now(), nodes });
}

export function forgetHouse(): void {
  localStorage.removeItem(`${PREFIX}house`);
}

/** Fills the house with what was kept; returns from when it is, or null. It is our own writing, and is read as such. */
export function recallHouse(house: House): number | null {
  const record = kept("house") as { at: number; nodes: KeptNode[] } | null;
  if (!record || !Array.isArray(record.nodes)) return null;
  for (const node of record.nodes) {
    const devices = new Map<string, Device>();
    for (const device of node.devices) devices.set(device.id, { ...device, key: `${node.name}/${device.id}`, node: node.name, points: new Map(), events: [] });
    house.nodes.set(node.name, { ...node, devices, isFresh: false });
  }
  return record.nodes.length > 0 ? record.at : null;
}
