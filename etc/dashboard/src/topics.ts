// SPDX-License-Identifier: Apache-2.0
// What a topic below the base is about.

export interface Topic {
  node: string;
  device: string; // "" where it is the node's own
  leaf: string; // state, status, info, set …
  channel: string; // of set/CHANNEL
}

export function readTopic(base: string, topic: string): Topic | null {
  if (!topic.startsWith(`${base}/`)) return null;
  const words = topic.slice(base.length + 1).split("/");
  const [node = "", second = "", third = "", fourth = ""] = words;
  if (node === "" || node === "reply" || second === "" || words.length > 4) return null;
  if (words.length === 2) return { node, device: "", leaf: second, channel: "" };
  return { node, device: second, leaf: third, channel: fourth };
}

/**
 * What is subscribed to, below the base. What describes the house comes first; when that is here, what it is like is asked
 * for, in one filter, so that each device is complete before the next begins. No message fits two: it would come twice.
 */
export const STEPS: readonly (readonly string[])[] = [
  ["+/info", "+/status"],
  ["+/+/+", "+/+/set/+", "+/get", "reply/+"],
];

/** Whether a topic fits a filter with MQTT's wildcards; a filter without any is a part of the topic. */
export function topicFits(filter: string, topic: string): boolean {
  if (!/[+#]/.test(filter)) return topic.includes(filter);
  const wanted = filter.split("/");
  const words = topic.split("/");
  for (const [at, word] of wanted.entries()) {
    if (word === "#") return true;
    if (at >= words.length || (word !== "+" && word !== words[at])) return false;
  }
  return wanted.length === words.length;
}
