// SPDX-License-Identifier: Apache-2.0
// The last messages, as they came.

export interface Message {
  at: number;
  topic: string;
  payload: string;
  retained: boolean;
}

const MOST = 1000;
const MOST_LETTERS = 4_000_000; // of all payloads

export class Log {
  readonly messages: Message[] = [];
  count = 0;
  private letters = 0;

  add(message: Message): void {
    this.count++;
    this.messages.push(message);
    this.letters += message.payload.length;
    // Half at a time: to drop the first of an array moves all others.
    if (this.messages.length > 2 * MOST || this.letters > MOST_LETTERS) this.drop(Math.min(MOST, Math.ceil(this.messages.length / 2)));
  }

  private drop(count: number): void {
    for (const { payload } of this.messages.splice(0, count)) this.letters -= payload.length;
  }
}
