// SPDX-License-Identifier: Apache-2.0
// MQTT.js, in a file of its own: the page stands before a browser has read it.

export { default as MqttClient } from "mqtt/lib/client";
export { browserStreamBuilder } from "mqtt/lib/connect/ws";
