// SPDX-License-Identifier: Apache-2.0
// Asks nodes what devices were like, a few at a time: a node answers fifty a second and lets sixteen wait.

import type { Commands } from "./commands.js";
import type { Device } from "./house.js";
import { readTrends, type Span, type Trend } from "./points.js";
import { word } from "./words.js";

const AT_ONCE = 4;

export type Asked = "no" | "waiting" | "answered" | "refused";

export class Trends {
  private readonly known = new Map<string, Map<string, Trend>>();
  private readonly asked = new Map<string, Asked>();
  private readonly refusals = new Map<string, string>();
  private queue: { device: Device; span: Span }[] = [];
  private running = 0;

  constructor(private readonly base: string, private readonly commands: () => Commands, private readonly changed: (key: string) => void) {}

  get(device: Device, span: Span): Map<string, Trend> | undefined {
    return this.known.get(`${device.key} ${span}`);
  }

  state(device: Device, span: Span): Asked {
    return this.asked.get(`${device.key} ${span}`) ?? "no";
  }

  /** Why there is none. */
  refusal(device: Device, span: Span): string {
    return this.refusals.get(`${device.key} ${span}`) ?? "";
  }

  /** Asks once a connection; AGAIN whenever it is called. */
  ask(device: Device, span: Span, again = false): void {
    const key = `${device.key} ${span}`;
    const before = this.asked.get(key);
    if (before === "waiting" || (before !== undefined && !again)) return;
    this.asked.set(key, "waiting");
    if (again) this.queue.unshift({ device, span });
    else this.queue.push({ device, span });
    this.next();
  }

  /** A new connection: what was before may have more in it now. */
  forget(): void {
    this.asked.clear();
    this.queue = [];
  }

  private next(): void {
    while (this.running < AT_ONCE) {
      const first = this.queue.shift();
      if (!first) return;
      this.running++;
      void this.fetch(first.device, first.span);
    }
  }

  private async fetch(device: Device, span: Span): Promise<void> {
    const key = `${device.key} ${span}`;
    const outcome = await this.commands().send(`${this.base}/${device.key}/get`, JSON.stringify({ trend: span }), true);
    this.running--;
    if (outcome.ok) this.known.set(key, readTrends(outcome.answer));
    else this.refusals.set(key, outcome.code === "timeout" ? word("trendLate") : outcome.message);
    this.asked.set(key, outcome.ok ? "answered" : "refused");
    this.changed(device.key);
    this.next();
  }
}
