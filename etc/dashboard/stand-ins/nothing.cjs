// SPDX-License-Identifier: Apache-2.0
// For what MQTT.js and its streams load and this page never uses.
module.exports = {};
