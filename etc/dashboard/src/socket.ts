// SPDX-License-Identifier: Apache-2.0
// A WebSocket for MQTT.js, which takes what comes at a pace.

import { Pace } from "./pace.js";

const channel = new MessageChannel();
let callbacks: (() => void)[] = [];
channel.port1.onmessage = () => {
  const now = callbacks;
  callbacks = [];
  for (const callback of now) callback();
};

/** A task of its own, sooner than a timer's. */
export function soon(callback: () => void): void {
  callbacks.push(callback);
  if (callbacks.length === 1) channel.port2.postMessage(null);
}

export class PacedSocket extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols);
    const pace = new Pace((data) => this.dispatchEvent(new MessageEvent("message", { data: data.buffer })), soon);
    // The browser's own events are kept from those who listen; those of the pace are handed on.
    this.addEventListener("message", (event) => {
      if (!event.isTrusted) return;
      event.stopImmediatePropagation();
      pace.add(new Uint8Array(event.data as ArrayBuffer));
    });
    // Why the broker ended it is the last that it said.
    this.addEventListener("close", () => pace.flush());
  }
}
