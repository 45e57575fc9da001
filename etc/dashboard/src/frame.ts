// SPDX-License-Identifier: Apache-2.0
// Work for the screen, done once a frame and never for longer than BUDGET_MS: what is left is done in the next one.

const BUDGET_MS = 6;

type Job = (isTimeUp: () => boolean) => boolean; // true where something is left to do

export class Frames {
  private readonly jobs = new Set<Job>();
  private isAsked = false;
  private held: ReturnType<typeof setTimeout> | undefined;

  ask(job: Job): void {
    this.jobs.add(job);
    if (this.isAsked || this.held !== undefined) return;
    this.isAsked = true;
    // A page that nobody sees has no frames.
    if (document.hidden) setTimeout(() => this.run(), 250);
    else requestAnimationFrame(() => this.run());
  }

  /** Draws nothing until it is released, or MS have passed: what would stand for a moment only need not be drawn. */
  hold(ms: number): void {
    clearTimeout(this.held);
    this.held = setTimeout(() => this.release(), ms);
  }

  release(): void {
    clearTimeout(this.held);
    this.held = undefined;
    for (const job of this.jobs) this.ask(job);
  }

  private run(): void {
    this.isAsked = false;
    if (this.held !== undefined) return;
    const end = performance.now() + BUDGET_MS;
    const isTimeUp = () => performance.now() >= end;
    const now = [...this.jobs];
    this.jobs.clear();
    for (const job of now) if (isTimeUp() || job(isTimeUp)) this.ask(job);
  }
}
