// SPDX-License-Identifier: Apache-2.0
// mosquitto sends a browser 4 kB of a message, and looks at it again when something else comes or after 100 ms: an info of
// 80 kB takes it two seconds. While something large is awaited, it is pinged whenever nothing has come for a moment.

const EVERY_MS = 4;

export class Nudge {
  private timer: ReturnType<typeof setInterval> | undefined;
  private isQuiet = true;
  private end = 0;

  constructor(private readonly ping: () => void) {}

  /** At once, and for no longer than MS. */
  start(ms: number): void {
    this.end = Math.max(this.end, performance.now() + ms);
    this.timer ??= setInterval(() => this.look(), EVERY_MS);
    this.ping();
  }

  came(): void {
    this.isQuiet = false;
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.end = 0;
  }

  private look(): void {
    if (performance.now() >= this.end) this.stop();
    else if (this.isQuiet) this.ping();
    this.isQuiet = true;
  }
}
