// SPDX-License-Identifier: Apache-2.0
// The one wait, and child processes. Nothing here sleeps: a wait ends when its condition holds, or fails at its deadline.
import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";

const DEADLINE_MS = 30_000;
const STOP_MS = 5000;
const LOOK_AGAIN_MS = 20;

export async function until(condition, what, deadline = DEADLINE_MS) {
  const end = Date.now() + deadline;
  for (;;) {
    const result = await condition();
    if (result) return result;
    if (Date.now() > end) throw new Error(typeof what === "function" ? what() : what);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

/** A program that ends by itself: what it printed, or an error with that. */
export function run(...argv) {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0], argv.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    child.stdout.on("data", (data) => (text += data));
    child.stderr.on("data", (data) => (text += data));
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(text) : reject(new Error(`${argv.join(" ")} ended with ${code}:\n${text}`))));
  });
}

/** A program that runs beside the tests; what it prints goes to a file. */
export class Program {
  constructor(name, argv, directory, environment = {}) {
    this.argv = argv;
    this.name = name;
    this.path = join(directory, `${name}.log`);
    this.environment = { ...process.env, ...environment };
    this.seen = 0;
  }

  start() {
    this.seen = this.log().length;
    const log = openSync(this.path, "a");
    this.child = spawn(this.argv[0], this.argv.slice(1), { stdio: ["ignore", log, log], env: this.environment });
    closeSync(log);
    this.ended = new Promise((resolve) => this.child.on("close", resolve));
  }

  log() {
    return existsSync(this.path) ? readFileSync(this.path, "utf8") : "";
  }

  isRunning() {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Waits until what it printed since its start matches. */
  async says(pattern) {
    const printed = () => this.log().slice(this.seen);
    await until(
      () => {
        if (pattern.test(printed())) return true;
        if (!this.isRunning()) throw new Error(`${this.name} ended before ${pattern}:\n${printed().slice(-2000)}`);
        return false;
      },
      () => `${this.name} did not print ${pattern}:\n${printed().slice(-2000)}`,
    );
  }

  /** mosquitto 2.0.11 may go on for ever when it was reloaded with a listener for browsers: then it is killed. */
  async stop() {
    if (!this.isRunning()) return;
    this.child.kill("SIGTERM");
    const late = setTimeout(() => this.child.kill("SIGKILL"), STOP_MS);
    await this.ended;
    clearTimeout(late);
  }
}
