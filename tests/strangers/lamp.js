// node lamp.js HOST PORT NAME: prints the states of the node hall; a line "TOPIC PAYLOAD" is published, and answered.
const crypto = require("crypto");
const fs = require("fs");
const readline = require("readline");
const mqtt = require("mqtt");

const [host, port, name] = process.argv.slice(2);
const reply = `sconce/reply/${name}/${crypto.randomBytes(8).toString("hex")}`;
const asked = new Set();

const client = mqtt.connect({
  host, port, protocol: "mqtts", protocolVersion: 5,
  ca: fs.readFileSync("ca.crt"), // the broker's certificate and its name are verified
  cert: fs.readFileSync(`${name}.crt`),
  key: fs.readFileSync(`${name}.key`),
});

client.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});

client.on("connect", () => client.subscribe(["sconce/hall/+/state", reply], { qos: 1 }));

client.on("message", (topic, payload, { properties }) => {
  if (topic !== reply) console.log(topic, payload.toString());
  else if (asked.has(properties.correlationData?.toString("hex"))) // others may write here too
    console.log("answer", payload.toString());
});

const lines = readline.createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const [topic, payload] = line.split(/ (.*)/);
  const correlationData = crypto.randomBytes(16);
  asked.add(correlationData.toString("hex"));
  client.publish(topic, payload, { qos: 1, properties: { responseTopic: reply, correlationData, messageExpiryInterval: 5 } },
    (error) => error && console.log("refused:", error.message));
});
lines.on("close", () => client.end());
