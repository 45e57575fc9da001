// SPDX-License-Identifier: Apache-2.0
// readable-stream: the four classes that MQTT.js uses, without what is beside them.
exports.Readable = require("readable-stream/lib/_stream_readable.js");
exports.Writable = require("readable-stream/lib/_stream_writable.js");
exports.Duplex = require("readable-stream/lib/_stream_duplex.js");
exports.Transform = require("readable-stream/lib/_stream_transform.js");
