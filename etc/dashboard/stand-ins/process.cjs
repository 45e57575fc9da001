// SPDX-License-Identifier: Apache-2.0
// What Node.js calls process, as far as streams need it. The one from npm waits a timer's 4 ms for each nextTick.
const process = {
  env: {},
  version: "",
  versions: {},
  nextTick: (callback, ...given) => queueMicrotask(() => callback(...given)),
};
module.exports = process;
