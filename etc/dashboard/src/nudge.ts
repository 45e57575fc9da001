// SPDX-License-Identifier: Apache-2.0
// mosquitto sends a browser 4 kB of a message, and looks at it again when something else comes or after 100 ms: an info of
// 80 kB takes it two seconds. While something large is awaited, it is pinged whenever nothing has come for a moment.

/** No timer of a browser goes faster than that, so there are two, in turn. */
const EVERY_MS = 4;
const OFFSETS_MS = [0, 2];

type Timer = ReturnType<typeof setInterval>;

export class Nudge {
  private timers: Timer[] = [];
  private isQuiet = true;
  private end = 0;

  constructor(readonly ping: () => void) {}

  /** At once, and for no longer than MS. */
  start(ms: number): void {
    this.end = Math.max(this.end, performance.now() + ms);
    this.ping();
    if (this.timers.length > 0) return;
    this.timers = OFFSETS_MS.map((offset, at) => setTimeout(() => (this.timers[at] = setInterval(() => this.look(), EVERY_MS)), offset));
  }

  came(): void {
    this.isQuiet = false;
  }

  stop(): void {
    for (const timer of this.timers) clearInterval(timer); // which ends one of setTimeout, too
    this.timers = [];
    this.end = 0;
  }

  private look(): void {
    if (performance.now() >= this.end) this.stop();
    else if (this.isQuiet) this.ping();
    this.isQuiet = true;
  }
}
