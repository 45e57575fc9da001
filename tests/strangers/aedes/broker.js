// SPDX-License-Identifier: Apache-2.0
// aedes as the broker of a system test: takes a config of mosquitto's (-c FILE), listeners and access list, and goes by it as mosquitto does.
import { readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { Aedes } from "aedes";

const WORDS = ["cafile", "certfile", "keyfile", "crlfile", "require_certificate", "allow_anonymous"];
const OF_ALL = ["acl_file"];

function readConfig(path) {
    const all = { listeners: [] };
    for (const line of readFileSync(path, "utf8").split("\n")) {
        const [word, ...rest] = line.split(" ");
        if (word === "listener") all.listeners.push({ at: rest });
        else if (OF_ALL.includes(word)) all[word] = rest.join(" ");
        else if (WORDS.includes(word)) all.listeners.at(-1)[word] = rest.join(" ");
    }
    return all;
}

// ---- The access list ---------------------------------------------------------------------------------------------

function fits(pattern, topic) {
    const wanted = pattern.split("/"), words = topic.split("/");
    for (const [at, word] of wanted.entries()) {
        if (word === "#") return true;
        if (at >= words.length || (word !== "+" && word !== words[at])) return false;
    }
    return wanted.length === words.length;
}

function readList(path) {
    const rights = new Map();
    let block = [];
    for (const line of path ? readFileSync(path, "utf8").split("\n") : []) {
        const [word, access, ...rest] = line.split(" ");
        if (word === "user") rights.set(access, (block = []));
        if (word === "topic") block.push({ access, pattern: rest.join(" ") });
    }
    return rights;
}

function may(client, access, topic) {
    if (!config.acl_file) return true;
    const lines = (list.get(client.user) ?? []).filter((line) => fits(line.pattern, topic));
    return !lines.some((line) => line.access === "deny") && lines.some((line) => ["readwrite", access].includes(line.access));
}

// ---- The broker --------------------------------------------------------------------------------------------------

const config = readConfig(process.argv[process.argv.indexOf("-c") + 1]);
let list = readList(config.acl_file);
const broker = await Aedes.createBroker({
    preConnect: (client, packet, done) => {
        client.user = client.conn.getPeerCertificate?.().subject?.CN;
        done(null, true);
    },
    authorizePublish: (client, packet, done) =>
        done(!client || may(client, "write", packet.topic) ? null : new Error(`${client.user} may not write ${packet.topic}`)),
    authorizeForward: (client, packet) => (may(client, "read", packet.topic) ? packet : null),
});
broker.on("clientReady", (client) => console.error(`connected as ${client.id} (p${client.version}, u'${client.user}')`));
broker.on("clientError", (client, error) => console.error(`client ${client.id}: ${error.message}`));
broker.on("connectionError", (client, error) => console.error(`connection: ${error.message}`));

function tlsOptions(listener) {
    const read = (word) => (listener[word] ? readFileSync(listener[word]) : undefined);
    return { ca: read("cafile"), cert: read("certfile"), key: read("keyfile"), crl: read("crlfile"),
        requestCert: listener.require_certificate === "true", rejectUnauthorized: listener.require_certificate === "true" };
}

function open(listener) {
    const server = listener.certfile ? createTlsServer(tlsOptions(listener), broker.handle) : createServer(broker.handle);
    const [port, host] = listener.at;
    server.on("tlsClientError", (error) => console.error(`TLS: ${error.message}`));
    listener.server = server;
    if (port === "0") rmSync(host, { force: true });
    return new Promise((resolve) => server.listen(...(port === "0" ? [host] : [Number(port), host]), resolve));
}

process.on("SIGHUP", () => {
    list = readList(config.acl_file);
    for (const listener of config.listeners)
        if (listener.certfile) listener.server.setSecureContext(tlsOptions(listener));
});
process.on("SIGTERM", () => broker.close(() => process.exit(0)));
for (const listener of config.listeners) await open(listener);
console.error("aedes is running");
