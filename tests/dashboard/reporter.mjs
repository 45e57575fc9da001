// SPDX-License-Identifier: Apache-2.0
// What the other tests of the tree print: a line a test, and the totals alone on the last one.
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

function* lines({ type, data }, totals) {
  if (data.details?.type === "suite" || (type !== "test:pass" && type !== "test:fail")) return;
  if (data.skip === "test name does not match pattern") return;
  if (data.skip !== undefined) {
    totals.skipped++;
    yield `[  SKIPPED ] ${data.name}: ${data.skip}\n`;
  } else if (type === "test:pass") {
    totals.passed++;
    yield `[       OK ] ${data.name} (${seconds(data.details.duration_ms)})\n`;
  } else {
    totals.failed++;
    const error = data.details.error?.cause ?? data.details.error;
    yield `${error?.stack ?? error}\n[  FAILED  ] ${data.name}\n`;
  }
}

export default async function* report(events) {
  const totals = { passed: 0, failed: 0, skipped: 0 };
  for await (const event of events) yield* lines(event, totals);
  yield `${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`;
}
