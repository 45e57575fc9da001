// SPDX-License-Identifier: Apache-2.0
// MQTT.js's package.json, of which it reads the version alone.
module.exports = { version: "5" };
