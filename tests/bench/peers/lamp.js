// node lamp.js HOST PORT DIRECTORY NODE: a lamp on MQTT.js.
const fs = require("fs");
const mqtt = require("mqtt");

const [host, port, directory, node] = process.argv.slice(2);
const status = `sconce/${node}/status`;
const line = fs.openSync(`${directory}/value`, "w");
const levels = { ON: "1\n", OFF: "0\n" };
const client = mqtt.connect(`mqtts://${host}:${port}`, {
    protocolVersion: 5,
    clientId: node,
    ca: fs.readFileSync(`${directory}/ca.crt`),
    cert: fs.readFileSync(`${directory}/node.crt`),
    key: fs.readFileSync(`${directory}/node.key`),
    will: { topic: status, payload: Buffer.from("offline"), qos: 1, retain: true },
});

client.on("connect", () => {
    client.publish(status, "online", { qos: 1, retain: true });
    client.subscribe(`sconce/${node}/kitchen/set`, { qos: 1 });
});
client.on("message", (topic, payload) => {
    const state = payload.toString();
    if (!(state in levels))
        return;
    fs.writeSync(line, levels[state], 0);
    client.publish(`sconce/${node}/kitchen/state`, JSON.stringify({ time: new Date().toISOString(), state }), { qos: 1, retain: true });
});
