// SPDX-License-Identifier: Apache-2.0
// Commands and questions to nodes, each with a mark of its own and a moment until which it is wanted: they wait for their
// answer, and for nothing else that looks like one.

import { type Arrival, hex, NOT_SENT, type Options, random, Refused, UNSURE } from "./connection.js";
import { type Json, readJson, textOf } from "./json.js";
import { type Word, word } from "./words.js";

export type Outcome = { ok: true; answer: Json } | { ok: false; code: string; message: string };
type Publish = (topic: string, payload: string, options: Options) => Promise<void>;

export const COMMAND_MS = 5000;
export const NOT_ALLOWED = 135;

const SENTENCES: { [code: number]: Word } = { [NOT_SENT]: "notSent", [UNSURE]: "unsure", [NOT_ALLOWED]: "notAllowed" };

/** What became of what was published. */
export function sentenceOf(refusal: Refused): string {
  const sentence = SENTENCES[refusal.code];
  return sentence ? word(sentence) : refusal.message;
}

export class Commands {
  private readonly waiting = new Map<string, (outcome: Outcome) => void>();
  private readonly replyTopic: string;

  /**
   * NAME is the certificate's, where it is known: only what is below sconce/reply/NAME/ is surely for us to read. NOW is the
   * time of the house: by a browser's clock that is wrong, each command would come too late, or be wanted for too long.
   */
  constructor(base: string, name: string, private readonly now: () => Promise<number>, private readonly publish: Publish) {
    const run = hex(random(8));
    this.replyTopic = `${base}/reply/${name === "" ? `page-${run}` : `${name}/${run}`}`;
  }

  /** An arrival that is an answer is taken. */
  take(arrival: Arrival): boolean {
    if (arrival.topic !== this.replyTopic) return false;
    const answer = readJson(arrival.payload);
    const settle = this.waiting.get(arrival.correlation);
    if (!settle || !answer || answer.code === "duplicate") return true;
    if (answer.ok === true) settle({ ok: true, answer });
    else settle({ ok: false, code: textOf(answer.code), message: textOf(answer.message) });
    return true;
  }

  async send(topic: string, payload: string, isLarge = false): Promise<Outcome> {
    const mark = random(16);
    const expiresAt = new Date((await this.now()) + COMMAND_MS);
    const options: Options = { responseTopic: this.replyTopic, correlation: mark, expiresAt, isLarge };
    return new Promise((resolve) => {
      const key = hex(mark);
      const timer = setTimeout(() => settle({ ok: false, code: "timeout", message: word("noAnswer") }), COMMAND_MS);
      const settle = (outcome: Outcome) => {
        clearTimeout(timer);
        this.waiting.delete(key);
        resolve(outcome);
      };
      this.waiting.set(key, settle);
      this.publish(topic, payload, options).catch((refusal: Refused) => settle({ ok: false, code: String(refusal.code), message: sentenceOf(refusal) }));
    });
  }
}
