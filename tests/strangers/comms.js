// SPDX-License-Identifier: Apache-2.0
// node comms.js NODE-RED-MODULES PORT: prints what Node-RED's editor would show under its nodes, "status ID {…}" a line.
const WebSocket = require(`${process.argv[2]}/ws`);

const socket = new WebSocket(`ws://127.0.0.1:${process.argv[3]}/comms`);
socket.on("open", () => {
  socket.send(JSON.stringify({ subscribe: "status/#" }));
  console.log("listening");
});
socket.on("message", (text) => {
  for (const { topic, data } of [JSON.parse(text)].flat())
    if (topic?.startsWith("status/")) console.log("status", topic.slice(7), JSON.stringify(data));
});
socket.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
