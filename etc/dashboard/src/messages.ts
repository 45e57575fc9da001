// SPDX-License-Identifier: Apache-2.0
// Raw topics, for those who want them: what came, filtered, and publishing by hand.

import type { App, View } from "./app.js";
import { el, setHidden, setText } from "./dom.js";
import type { Message } from "./log.js";
import { topicFits } from "./topics.js";
import { timeText, word } from "./words.js";

const MOST_ROWS = 100;
const DRAW_EVERY_MS = 250;

interface Row {
  element: HTMLElement;
  time: HTMLElement;
  topic: HTMLElement;
  payload: HTMLElement;
  mark: HTMLElement;
}

function makeRow(): Row {
  const [time, topic, payload, mark] = [el("time"), el("code", { class: "topic" }), el("code", { class: "payload" }), el("span", { class: "mark", hidden: true }, word("retainedMark"))];
  return { element: el("li", {}, time, topic, mark, payload), time, topic, payload, mark };
}

export class MessagesView implements View {
  readonly element = el("div", { class: "messages" });
  private readonly list = el("ol", { class: "message-list", tabindex: "0", "aria-label": word("log") });
  private readonly filter = el("input", { type: "search", class: "field", "aria-label": word("filter"), placeholder: word("filter"), input: () => this.refresh() });
  private readonly hold = el("button", { type: "button", class: "chip", "aria-pressed": "false", click: () => this.togglePause() }, word("pause"));
  private readonly note = el("p", { class: "note", role: "status" });
  private readonly publish: HTMLElement;
  private readonly rows: Row[] = [];
  private pausedAt: { count: number; messages: Message[] } | null = null;
  private clearedAt = 0;
  private readonly timer: ReturnType<typeof setInterval>;
  private drawn = -1;

  constructor(private readonly app: App) {
    const clear = el("button", { type: "button", class: "chip", click: () => this.clear() }, word("empty"));
    const bar = el("div", { class: "bar" }, this.filter, this.hold, clear);
    this.publish = this.makePublish();
    this.element.append(el("h1", { tabindex: "-1" }, word("log")), this.publish, bar, this.note, this.list);
    // Four times a second is as fast as anyone reads.
    this.timer = setInterval(() => this.app.frames.ask(this.draw), DRAW_EVERY_MS);
    this.app.frames.ask(this.draw);
  }

  get title(): string {
    return word("log");
  }

  update(): void {}

  refresh(): void {
    this.drawn = -1;
    this.app.frames.ask(this.draw);
  }

  close(): void {
    clearInterval(this.timer);
  }

  private clear(): void {
    this.clearedAt = this.app.messageCount();
    if (this.pausedAt) this.pausedAt = { count: this.clearedAt, messages: [] };
    this.refresh();
  }

  private togglePause(): void {
    this.pausedAt = this.pausedAt ? null : { count: this.app.messageCount(), messages: this.current() };
    this.hold.setAttribute("aria-pressed", String(this.pausedAt !== null));
    setText(this.hold, word(this.pausedAt ? "goOn" : "pause"));
    this.refresh();
  }

  /** Those since it was cleared. */
  private current(): Message[] {
    const since = this.app.messageCount() - this.clearedAt;
    return since <= 0 ? [] : this.app.messages.slice(-since);
  }

  private readonly draw = (): boolean => {
    setHidden(this.publish, this.app.isAllReadOnly());
    const count = this.app.messageCount();
    const filter = this.filter.value.trim();
    if (this.pausedAt) setText(this.note, word("paused", count - this.pausedAt.count));
    if (this.drawn === (this.pausedAt ? this.pausedAt.count : count)) return false;
    this.drawn = this.pausedAt ? this.pausedAt.count : count;
    const shown: Message[] = [];
    const all = this.pausedAt?.messages ?? this.current();
    for (let at = all.length - 1; at >= 0 && shown.length < MOST_ROWS; at--) {
      const message = all[at] as Message;
      if (filter === "" || topicFits(filter, message.topic)) shown.push(message);
    }
    for (const [at, message] of shown.entries()) this.drawRow(at, message);
    for (const [at, { element }] of this.rows.entries()) setHidden(element, at >= shown.length);
    // A count that goes on is not read out.
    this.note.setAttribute("aria-live", !this.pausedAt && shown.length > 0 ? "off" : "polite");
    if (!this.pausedAt) setText(this.note, shown.length > 0 ? word("messagesShown", count) : word(count > 0 ? "noMessages" : "noMessagesYet"));
    return false;
  };

  private drawRow(at: number, message: Message): void {
    let row = this.rows[at];
    if (!row) {
      row = makeRow();
      this.rows.push(row);
      this.list.append(row.element);
    }
    setText(row.time, timeText(message.at));
    setText(row.topic, message.topic);
    setText(row.payload, message.payload);
    setHidden(row.mark, !message.retained);
  }

  // ---- Publishing by hand --------------------------------------------------------------------------------------------

  private makePublish(): HTMLElement {
    const topic = el("input", { class: "field", required: true, "aria-label": word("topic"), placeholder: `${this.app.base}/hall/kitchen/set`, autocapitalize: "off", spellcheck: "false" });
    const payload = el("input", { class: "field", "aria-label": word("payload"), placeholder: "ON", autocapitalize: "off", spellcheck: "false" });
    const note = el("p", { class: "note", role: "status" });
    const submit = (event: Event) => {
      event.preventDefault();
      this.app.publish(topic.value, payload.value).then(
        () => setText(note, word("published")),
        (error: Error) => setText(note, word("notPublished", error.message)),
      );
    };
    const form = el("form", { class: "bar", submit }, topic, payload, el("button", { type: "submit", class: "chip strong" }, word("send")));
    return el("section", { class: "panel" }, el("h2", {}, word("publish")), form, note);
  }
}
