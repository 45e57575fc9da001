// SPDX-License-Identifier: Apache-2.0
// One connection to the broker, and again whenever it ends. All that comes is handed on as text.

import type { MqttClient } from "./mqtt.js";
import { Nudge } from "./nudge.js";
import { PacedSocket, soon } from "./socket.js";
import { STEPS } from "./topics.js";

export interface Config {
  broker: string; // wss://HOST:PORT/
  base: string;
}

export type State = "connecting" | "connected" | "away";

export interface Arrival {
  topic: string;
  payload: string;
  retained: boolean;
  correlation: string;
}

export interface Handlers {
  state: (state: State, reason: string) => void;
  arrival: (arrival: Arrival) => void;
  described: () => void; // the nodes have told what devices they have
  settled: () => void; // what the broker retains has surely come
}

export interface Options {
  responseTopic?: string;
  correlation?: Uint8Array;
  expiresAt?: Date;
  isLarge?: boolean; // the answer, as a trend is
}

/** There is no connection; it ended before the broker said that it has it. */
export const NOT_SENT = -1;
export const UNSURE = -2;

/** Why the broker did not take a message: MQTT 5's reason code, or one of the above. */
export class Refused extends Error {
  constructor(readonly code: number, message: string) {
    super(message);
  }
}

/** How long what is large is hurried for. */
const FILL_MS = 2000;
const ANSWER_MS = 400;

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const SETTLED_MS = 1500;
/** A broker that does not answer pings is not waited for. */
const STEP_MS = 5000;
/** Of a connection that may be dead since the machine slept, or changed its network. */
const ALIVE_MS = 3000;

export function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function random(bytes: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(bytes));
}

export class Connection {
  private client: MqttClient | null = null;
  private nudge: Nudge | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private attempts = 0;
  private readonly url: URL;

  constructor(private readonly config: Config, private readonly handlers: Handlers) {
    this.url = new URL(config.broker);
  }

  /** Where a browser that shows no certificate to a WebSocket asks for one: the listener's address as a page. */
  get page(): string {
    return `https://${this.url.host}/`;
  }

  get isUp(): boolean {
    return this.client?.connected === true;
  }

  start(): void {
    clearTimeout(this.timer);
    this.client?.removeAllListeners();
    this.client?.on("error", () => {});
    this.client?.end(true);
    this.client = null;
    this.handlers.state("connecting", "");
    void this.connect();
  }

  private async connect(): Promise<void> {
    const attempt = ++this.attempts;
    const library = await import("./mqtt.js").catch(() => null);
    await new Promise<void>(soon); // to read it was enough for one task
    if (attempt !== this.attempts) return;
    if (!library) {
      this.failed("");
      return;
    }
    const client = new library.MqttClient((self) => library.browserStreamBuilder(self, self.options), {
      protocol: this.url.protocol === "ws:" ? "ws" : "wss",
      hostname: this.url.hostname,
      port: Number(this.url.port) || (this.url.protocol === "ws:" ? 80 : 443),
      path: this.url.pathname,
      protocolVersion: 5,
      clientId: `sconce-page-${hex(random(8))}`,
      clean: true,
      keepalive: 60,
      reconnectPeriod: 0,
      connectTimeout: 10_000,
      timerVariant: "native",
      queueQoSZero: false,
      writeCache: false, // of 65,536 numbers, made before the first packet
      createWebsocket: (url, protocols) => new PacedSocket(url, protocols),
    });
    this.client = client;
    let reason = "";
    client.on("connect", () => this.connected(client));
    client.on("message", (topic, payload, packet) => {
      const correlation = packet.properties?.correlationData;
      try {
        this.handlers.arrival({ topic, payload: payload.toString(), retained: packet.retain, correlation: correlation ? hex(correlation) : "" });
      } catch (error) {
        console.error(topic, error); // MQTT.js would take nothing any more
      }
    });
    client.on("error", (error) => {
      const code = (error as { code?: unknown }).code;
      if (typeof code === "number") reason = error.message;
    });
    client.on("close", () => this.closed(client, reason));
  }

  private connected(client: MqttClient): void {
    let isTaken = false;
    let isFilled = false;
    let isLate = false;
    const settle = () => {
      if (!isFilled || !isLate || this.client !== client || !client.connected) return;
      this.failures = 0; // one that ends each connection at once is not asked again all the time
      this.handlers.settled();
    };
    let step = 0;
    let asked = 0;
    let answered = 0;
    let awaited = 0;
    const nudge = new Nudge(() => {
      if (!client.connected) return;
      asked++;
      client.sendPing();
    });
    let timer: ReturnType<typeof setTimeout> | undefined;
    // Without acknowledgements, for which a broker waits after each twenty messages; one connection loses nothing all the same.
    const subscribe = (filters: readonly string[]) => {
      client.subscribe(filters.map((filter) => `${this.config.base}/${filter}`), { qos: 0 }, (error) => taken(error));
      nudge.start(FILL_MS);
      awaited = asked;
      timer = setTimeout(next, STEP_MS);
    };
    const taken = (error: Error | null) => {
      if (this.client !== client || !client.connected) return;
      if (error) {
        client.end(true); // which is a connection that has ended, too
        return;
      }
      if (isTaken) return;
      isTaken = true;
      this.handlers.state("connected", "");
      setTimeout(() => {
        isLate = true;
        settle();
      }, SETTLED_MS);
    };
    const next = () => {
      clearTimeout(timer);
      if (this.client !== client || !client.connected) return;
      taken(null); // MQTT.js may tell of the one after the other
      const filters = STEPS[++step];
      if (filters) {
        subscribe(filters);
        this.handlers.described();
        return;
      }
      isFilled = true;
      nudge.stop();
      settle();
    };
    // What comes before the answer to a ping is what the broker had to send before it.
    client.on("packetreceive", ({ cmd }) => {
      nudge.came();
      if (cmd === "pingresp" && ++answered >= awaited && !isFilled) next();
    });
    subscribe(STEPS[0] ?? []);
    this.nudge = nudge;
  }

  /** The machine woke, or has another network: the broker is asked whether it is still there. */
  check(): void {
    const { client } = this;
    if (!client?.connected) {
      this.start();
      return;
    }
    const dead = setTimeout(() => this.client === client && this.start(), ALIVE_MS);
    client.once("packetreceive", () => clearTimeout(dead));
    this.nudge?.ping();
  }

  private closed(client: MqttClient, reason: string): void {
    if (this.client !== client) return;
    this.client = null;
    client.removeAllListeners();
    client.on("error", () => {});
    client.end(true);
    this.failed(reason);
  }

  private failed(reason: string): void {
    this.failures++;
    this.handlers.state("away", reason);
    // Asked for a page, a browser asks which certificate to show, and shows it to WebSockets from then on.
    if (this.failures === 1) fetch(this.page, { mode: "no-cors", credentials: "include", cache: "no-store" }).catch(() => {});
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.failures - 1));
    this.timer = setTimeout(() => this.start(), pause * (0.5 + Math.random() / 2));
  }

  /** Resolves when the broker has taken it; rejects with what it answered. */
  publish(topic: string, payload: string, options: Options = {}): Promise<void> {
    const { client } = this;
    if (!client?.connected) return Promise.reject(new Refused(NOT_SENT, ""));
    const properties = {
      ...(options.responseTopic ? { responseTopic: options.responseTopic } : {}),
      ...(options.correlation ? { correlationData: options.correlation as never } : {}),
      ...(options.expiresAt ? { userProperties: { expires: options.expiresAt.toISOString() } } : {}),
    };
    if (options.isLarge) this.nudge?.start(ANSWER_MS);
    return new Promise((resolve, reject) => {
      client.publish(topic, payload, { qos: 1, properties }, (error) => {
        if (!error) {
          resolve();
          return;
        }
        const { code } = error as { code?: unknown };
        reject(new Refused(typeof code === "number" && code > 0 ? code : UNSURE, error.message));
      });
    });
  }
}
