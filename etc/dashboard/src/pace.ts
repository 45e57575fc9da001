// SPDX-License-Identifier: Apache-2.0
// What comes, handed on a little at a time and in its order. A browser gives a page all that has arrived in one task: a
// thousand messages in one go would keep it from drawing, and from the hand that touches it.

const MOST_BYTES = 4096;

export class Pace {
  private readonly waiting: Uint8Array[] = [];
  private isAsked = false;

  /** SOON calls back in a task of its own. */
  constructor(private readonly handOn: (data: Uint8Array) => void, private readonly soon: (callback: () => void) => void) {}

  add(data: Uint8Array): void {
    this.waiting.push(data);
    this.ask();
  }

  /** All that waits, at once. */
  flush(): void {
    while (this.waiting.length > 0) this.handOn(this.take());
  }

  private ask(): void {
    if (this.isAsked || this.waiting.length === 0) return;
    this.isAsked = true;
    this.soon(() => {
      this.isAsked = false;
      if (this.waiting.length > 0) this.handOn(this.take());
      this.ask();
    });
  }

  /** The first few as one; one alone where it is large. */
  private take(): Uint8Array {
    let bytes = 0;
    let count = 0;
    for (const data of this.waiting) {
      if (count > 0 && bytes + data.length > MOST_BYTES) break;
      bytes += data.length;
      count++;
    }
    const taken = new Uint8Array(bytes);
    let at = 0;
    for (const data of this.waiting.splice(0, count)) {
      taken.set(data, at);
      at += data.length;
    }
    return taken;
  }
}
