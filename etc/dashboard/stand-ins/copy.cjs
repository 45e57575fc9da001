// SPDX-License-Identifier: Apache-2.0
// rfdc, with which MQTT.js copies a packet's properties: browsers copy by themselves.
module.exports = (value) => structuredClone(value);
