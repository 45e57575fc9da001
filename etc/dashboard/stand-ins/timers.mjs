// SPDX-License-Identifier: Apache-2.0
// worker-timers: they begin a worker from a blob, which the page's Content-Security-Policy forbids.
export const setTimeout = globalThis.setTimeout.bind(globalThis);
export const clearTimeout = globalThis.clearTimeout.bind(globalThis);
export const setInterval = globalThis.setInterval.bind(globalThis);
export const clearInterval = globalThis.clearInterval.bind(globalThis);
