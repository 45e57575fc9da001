// SPDX-License-Identifier: Apache-2.0
// The last messages, as they came.

export interface Message {
  at: number;
  topic: string;
  payload: string;
  retained: boolean;
}

const MOST = 1000;

export class Log {
  readonly messages: Message[] = [];
  count = 0;

  add(message: Message): void {
    this.count++;
    this.messages.push(message);
    // Half at a time: to drop the first of an array moves all others.
    if (this.messages.length > 2 * MOST) this.messages.splice(0, MOST);
  }
}
