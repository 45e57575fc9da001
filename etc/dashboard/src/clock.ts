// SPDX-License-Identifier: Apache-2.0
// The house's time, which is the web server's: it stands beside the broker. This browser's clock may be wrong, be put right,
// or stand still while the machine sleeps.

/** The web server's time has no fractions, and comes with a delay: less than this is no difference. */
const SAME_MS = 2000;
const GOOD_FOR_MS = 600_000;

/** What time it is there; NaN where that is not known. */
type Ask = () => Promise<number>;

export class Clock {
  private aheadMs = 0; // of the house
  private reading: Promise<void> = Promise.resolve();
  private readAt = -Infinity;
  private offset = NaN; // between the two clocks of this browser, when it was read

  /** STEADY counts milliseconds and is never put right. */
  constructor(private readonly ask: Ask, private readonly wall = () => Date.now(), private readonly steady = () => performance.now()) {}

  now(): number {
    return this.wall() - this.aheadMs;
  }

  /** Reads it again where it is not known well, and waits for that. */
  async surely(): Promise<number> {
    const hasJumped = !(Math.abs(this.wall() - this.steady() - this.offset) < SAME_MS);
    if (hasJumped || this.steady() - this.readAt > GOOD_FOR_MS) this.read();
    await this.reading;
    return this.now();
  }

  read(): void {
    this.readAt = this.steady();
    this.offset = this.wall() - this.steady();
    this.reading = this.look();
  }

  /** What was found last stays where there is no answer. */
  private async look(): Promise<void> {
    const asked = this.wall();
    const there = await this.ask();
    if (Number.isNaN(there)) this.readAt = -Infinity;
    else this.aheadMs = Math.abs(asked - there) > SAME_MS ? asked - there : 0;
  }
}
