// SPDX-License-Identifier: Apache-2.0
// What the page is tried with: a PKI by sconce-pki, mosquitto with the shipped config and its listener for browsers, nodes on
// the simulated chip, a web server that serves build/dashboard as nginx does, and Debian's Chromium.
import { readFileSync, writeFileSync, mkdirSync, mkdtempSync, rmSync, existsSync } from "node:fs";
import { createServer as createSecureServer } from "node:https";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Program, run, until } from "./waiting.mjs";

export const TREE = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
export const BUILD = resolve(TREE, process.env.BUILD ?? "build");
// What tests/dashboard/check fetched.
export const fetched = createRequire(join(BUILD, "dashboard-tests/package.json"));
const { chromium } = fetched("playwright-core");
const PAGE = join(BUILD, "dashboard");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

function freePort() {
  return new Promise((done, fail) => {
    const server = createServer();
    server.on("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

export class Pki {
  constructor(directory) {
    this.directory = directory;
  }

  make(words) {
    return run(join(TREE, "build/sconce-pki"), "-d", this.directory, ...words.split(" "));
  }

  file(name) {
    return join(this.directory, name);
  }

  read(name) {
    return readFileSync(this.file(name));
  }
}

const shipped = (file) => readFileSync(join(TREE, "etc", file), "utf8");

/** The shipped configs; other are their paths and ports, and that it stays root, to be able to read a private directory. */
class Broker {
  constructor(directory, pki, ports) {
    // The access list of sconce.conf holds for both listeners; sconce-dashboard-setup leaves it out of the second, too.
    const browsers = shipped("mosquitto/sconce-dashboard.conf").replace(/^(allow_anonymous|acl_file) .*\n/gm, "");
    const text = `${shipped("mosquitto/sconce.conf")}${browsers}`
      .replaceAll("/etc/sconce/pki", pki.directory)
      .replace("\nlistener 8883\n", `\nlistener ${ports.mqtt} 127.0.0.1\n`)
      .replace("\nlistener 8884\n", `\nlistener ${ports.browsers}\nsocket_domain ipv4\n`);
    const config = join(directory, "mosquitto.conf");
    const store = join(directory, "mosquitto");
    mkdirSync(store);
    writeFileSync(config, `user root\npersistence true\npersistence_location ${store}/\npid_file ${pki.directory}/broker.pid\n${text}`);
    this.program = new Program("mosquitto", ["/usr/sbin/mosquitto", "-c", config], directory);
  }

  async start() {
    this.program.start();
    await this.program.says(/mosquitto version .* running/);
  }

  stop() {
    return this.program.stop();
  }
}

/** sconced, in a directory of its own. */
export class Node {
  constructor(directory, pki, port, name) {
    this.directory = join(directory, name);
    this.name = name;
    this.pki = pki;
    this.port = port;
    this.sim = join(this.directory, "sim");
    this.config = join(this.directory, "sconce.conf");
    this.devices = {};
    mkdirSync(join(this.directory, "state"), { recursive: true });
    const argv = [join(BUILD, "sconced"), "--config", this.config, "--plugins", join(BUILD, "plugins")];
    this.program = new Program(`sconced-${name}`, argv, directory, { STATE_DIRECTORY: join(this.directory, "state"), RUNTIME_DIRECTORY: this.directory });
  }

  writeConfig() {
    const sections = Object.entries(this.devices).map(([head, lines]) => `\n[${head}]\n${lines}\n`).join("");
    const { pki, name } = this;
    writeFileSync(
      this.config,
      `[node]\nname = ${name}\nclock = trusted\n[broker]\nurl = mqtts://localhost:${this.port}\n` +
        `[tls]\nca = ${pki.file("ca.crt")}\ncert = ${pki.file(`issued/${name}.crt`)}\nkey = ${pki.file(`issued/${name}.key`)}\n` +
        `[gpio]\nchip = sim\nsim_dir = ${this.sim}\n${sections}`,
    );
  }

  async start() {
    this.writeConfig();
    this.program.start();
    await this.program.says(/connected to/);
  }

  stop() {
    return this.program.stop();
  }

  /** A kernel LED of make-believe: a lamp that is dimmed. */
  addLed(name) {
    const directory = join(this.sim, "class/leds", name);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "brightness"), "0");
    writeFileSync(join(directory, "max_brightness"), "255");
  }

  led(name) {
    return Number.parseInt(readFileSync(join(this.sim, "class/leds", name, "brightness"), "utf8"), 10);
  }

  line(number) {
    return readFileSync(join(this.sim, `gpiochip0/sim_gpio${number}/value`), "utf8").trim();
  }

  untilLine(number, level) {
    return until(() => this.line(number) === level, () => `GPIO${number} is ${this.line(number)}, not ${level}`);
  }

  pull(number, level) {
    writeFileSync(join(this.sim, `gpiochip0/sim_gpio${number}/pull`), level === "1" ? "pull-up" : "pull-down");
    return this.untilLine(number, level);
  }

  put(file, text) {
    writeFileSync(join(this.directory, file), text);
  }
}

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png", ".webmanifest": "application/manifest+json" };

/** What nginx does: the files, who may have them, which policy they have, whose certificate it was. */
class Web {
  constructor(pki, ports, isStrict) {
    this.config = JSON.stringify({ broker: `wss://localhost:${ports.browsers}/`, base: "sconce" });
    this.policy = /Content-Security-Policy "([^"]*)"/.exec(shipped("nginx/sconce-dashboard.conf"))[1].replaceAll("$sconce_broker:8884", `localhost:${ports.browsers}`);
    const options = { key: pki.read("broker.key"), cert: pki.read("broker.crt"), ca: pki.read("ca.crt"), requestCert: isStrict, rejectUnauthorized: isStrict };
    this.server = createSecureServer(options, (request, response) => this.answer(request, response));
  }

  answer(request, response) {
    const path = new URL(request.url, "https://localhost").pathname;
    const file = join(PAGE, path === "/" ? "index.html" : path);
    const client = request.socket.getPeerCertificate()?.subject?.CN;
    response.setHeader("Content-Security-Policy", this.policy);
    response.setHeader("Cache-Control", "no-store");
    if (client) response.setHeader("Sconce-Client", client);
    if (path === "/config.json") {
      response.setHeader("Content-Type", "application/json");
      response.end(this.config);
    } else if (file.startsWith(PAGE) && existsSync(file)) {
      response.setHeader("Content-Type", TYPES[extname(file)] ?? "application/octet-stream");
      response.end(readFileSync(file));
    } else {
      response.statusCode = 404;
      response.end();
    }
  }

  start() {
    return new Promise((done) => this.server.listen(0, "127.0.0.1", () => done((this.url = `https://localhost:${this.server.address().port}/`))));
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }
}

export class Stage {
  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), "sconce-page-"));
    this.pki = new Pki(join(this.directory, "pki"));
    this.nodes = [];
  }

  /** WORDS: what sconce-pki makes beside the broker's certificate. */
  async start(words) {
    for (const one of ["init", "broker localhost", ...words]) await this.pki.make(one);
    this.ports = { mqtt: await freePort(), browsers: await freePort() };
    this.broker = new Broker(this.directory, this.pki, this.ports);
    await this.broker.start();
    this.web = new Web(this.pki, this.ports, true);
    this.open = new Web(this.pki, this.ports, false);
    await this.web.start();
    await this.open.start();
    this.browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu", "--ignore-certificate-errors", "--force-color-profile=srgb"] });
  }

  async addNode(name, devices) {
    const node = new Node(this.directory, this.pki, this.ports.mqtt, name);
    node.devices = devices;
    this.nodes.push(node);
    return node;
  }

  /** A browser with the certificate of WHO, or with none; nothing is left of what another one kept. */
  async context(who, options = {}) {
    const origins = [this.web.url, `https://localhost:${this.ports.browsers}`].map((url) => new URL(url).origin);
    const certificate = who && { certPath: this.pki.file(`issued/${who}.crt`), keyPath: this.pki.file(`issued/${who}.key`) };
    return this.browser.newContext({
      ignoreHTTPSErrors: true,
      locale: "en-GB",
      viewport: { width: 1280, height: 800 },
      ...(certificate ? { clientCertificates: origins.map((origin) => ({ origin, ...certificate })) } : {}),
      ...options,
    });
  }

  publish(who, topic, payload, ...more) {
    const file = (end) => this.pki.file(`issued/${who}.${end}`);
    return run("mosquitto_pub", "-h", "localhost", "-p", String(this.ports.mqtt), "-V", "5", "-q", "1", "--cafile", this.pki.file("ca.crt"), "--cert", file("crt"), "--key", file("key"), "-t", topic, "-m", payload, ...more);
  }

  async stop() {
    await this.browser?.close();
    for (const node of this.nodes) await node.stop();
    await this.web?.stop();
    await this.open?.stop();
    await this.broker?.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
