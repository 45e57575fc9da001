// SPDX-License-Identifier: Apache-2.0
// MQTT.js makes one for the topic aliases that it would send, and this page sends none.
exports.LRUCache = class {
  clear() {}
};
