// SPDX-License-Identifier: Apache-2.0
// Asks nodes what devices were like, a few at a time: a node answers fifty a second and lets sixteen wait.

import type { Commands } from "./commands.js";
import type { Device } from "./house.js";
import { readTrends, type Span, type Trend } from "./points.js";
import { word } from "./words.js";

const AT_ONCE = 4;
/** What is older is asked for again where it is looked at: its buckets go out of sight one by one. */
const OLD_MS = 3600_000;

export type Asked = "no" | "waiting" | "answered" | "refused";

export class Trends {
  private readonly known = new Map<string, Map<string, Trend>>();
  private readonly asked = new Map<string, Asked>();
  private readonly askedAt = new Map<string, number>();
  private readonly refusals = new Map<string, string>();
  private queue: { device: Device; span: Span }[] = [];
  private running = 0;
  private connection = 0;

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

  /** Asks once a connection and once an hour; AGAIN whenever it is called. */
  ask(device: Device, span: Span, again = false): void {
    const key = `${device.key} ${span}`;
    const before = this.asked.get(key);
    const isOld = performance.now() - (this.askedAt.get(key) ?? 0) > OLD_MS;
    if (before === "waiting" || (before !== undefined && !again && !isOld)) return;
    this.asked.set(key, "waiting");
    this.askedAt.set(key, performance.now());
    if (again) this.queue.unshift({ device, span });
    else this.queue.push({ device, span });
    this.next();
  }

  /** A new connection: what was before may have more in it now. */
  forget(): void {
    this.asked.clear();
    this.queue = [];
    this.running = 0;
    this.connection++;
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
    const { connection } = this;
    const outcome = await this.commands().send(`${this.base}/${device.key}/get`, JSON.stringify({ trend: span }), true);
    if (connection !== this.connection) return;
    this.running--;
    if (outcome.ok) this.known.set(key, readTrends(outcome.answer));
    else this.refusals.set(key, outcome.code === "timeout" ? word("trendLate") : outcome.message);
    this.asked.set(key, outcome.ok ? "answered" : "refused");
    this.changed(device.key);
    this.next();
  }
}
