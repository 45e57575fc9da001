// SPDX-License-Identifier: Apache-2.0
// What the views share: the model, and the ways to act on it.

import type { Frames } from "./frame.js";
import type { Device, House } from "./house.js";
import type { Message } from "./log.js";
import type { Favourites } from "./store.js";
import type { Trends } from "./trends.js";

export interface App {
  readonly base: string;
  readonly house: House;
  readonly favourites: Favourites;
  readonly trends: Trends;
  readonly frames: Frames;
  readonly messages: Message[]; // newest last
  /** Whether buttons are shown: the broker is there, and lets this certificate command the node. */
  mayCommand(node: string): boolean;
  /** Whether it is known that it may not. */
  isReadOnly(node: string): boolean;
  /** That holds for every node. */
  isAllReadOnly(): boolean;
  isConnected(): boolean;
  /** To NODE/DEVICE/LEAF; resolves to whether it was carried out. What came of it is shown with the device. */
  command(device: Device, leaf: string, payload: string): Promise<boolean>;
  publish(topic: string, payload: string): Promise<void>;
  isPending(key: string): boolean;
  refusal(key: string): string;
  dismiss(key: string): void;
  /** The device has to be drawn again. */
  touch(key: string): void;
  /** The house's time, in milliseconds. */
  now(): number;
  /** How long the next change of a device that fades is to take, as it was written: "" as the node has it. */
  readonly transitions: Map<string, string>;
  /** Of all messages since the page is open. */
  messageCount(): number;
}

export interface View {
  readonly element: HTMLElement;
  readonly title: string;
  update(keys: ReadonlySet<string>, layout: boolean): void;
  /** The broker's state, the language or what is searched changed. */
  refresh(): void;
  close?(): void;
}

export function deviceLink(device: Device): string {
  return `#/device/${encodeURIComponent(device.node)}/${encodeURIComponent(device.id)}`;
}
