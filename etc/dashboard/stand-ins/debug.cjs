// SPDX-License-Identifier: Apache-2.0
// debug, without its output: MQTT.js calls it for each packet.
module.exports = () => () => {};
