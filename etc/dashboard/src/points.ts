// SPDX-License-Identifier: Apache-2.0
// What one channel was like: the node's trend in buckets, and the readings that came since, live or late.

import { isJson, type Json, numberOf, timeOf } from "./json.js";

export type Span = "24h" | "7d";
export type Point = readonly [time: number, value: number];

export interface Trend {
  start: number;
  step: number; // both in milliseconds
  isShare: boolean; // of the time that it was on
  mean: (number | null)[];
  min: (number | null)[];
  max: (number | null)[];
}

const MOST_POINTS = 1500;
const MOST_BUCKETS = 288; // of a day in five minutes
/** So many buckets without a reading are a gap in what is known. */
const GAP_STEPS = 3;

/** Puts a reading in at its true time. False where it is there already: a reading may come twice. */
export function addPoint(points: Point[], time: number, value: number): boolean {
  let at = points.length;
  while (at > 0 && (points[at - 1] as Point)[0] > time) at--;
  if (at > 0 && (points[at - 1] as Point)[0] === time) return false;
  points.splice(at, 0, [time, value]);
  if (points.length > MOST_POINTS) points.splice(0, points.length - MOST_POINTS);
  return true;
}

function numbers(value: unknown): (number | null)[] {
  return Array.isArray(value) ? value.slice(-MOST_BUCKETS).map(numberOf) : [];
}

/** The trends in an answer of the node, by channel. */
export function readTrends(answer: Json): Map<string, Trend> {
  const trends = new Map<string, Trend>();
  const start = timeOf(answer.start);
  const step = numberOf(answer.step_s);
  if (start === null || step === null || !isJson(answer.channels)) return trends;
  for (const [key, channel] of Object.entries(answer.channels)) {
    if (!isJson(channel)) continue;
    const isShare = Array.isArray(channel.on);
    const mean = numbers(isShare ? channel.on : channel.mean);
    trends.set(key, { start, step: step * 1000, isShare, mean, min: numbers(channel.min), max: numbers(channel.max) });
  }
  return trends;
}

export interface Curve {
  times: number[]; // seconds, as uPlot wants them
  values: (number | null)[];
  low: (number | null)[];
  high: (number | null)[];
}

/**
 * One curve of both: a bucket counts where no reading lies in it, so that readings stand at their true time. Where the
 * node knows nothing, and nothing came, the curve has a gap.
 */
export function join(trend: Trend | undefined, points: readonly Point[], since: number): Curve {
  const rows: [number, number | null, number | null, number | null][] = [];
  let at = points.findIndex(([time]) => time >= since);
  if (at < 0) at = points.length;
  for (const [bucket, mean] of trend?.mean.entries() ?? []) {
    const begins = (trend as Trend).start + bucket * (trend as Trend).step;
    const ends = begins + (trend as Trend).step;
    if (ends <= since) continue;
    let came = 0;
    for (let point = points[at]; point && point[0] < ends; point = points[++at], came++) rows.push([point[0], point[1], point[1], point[1]]);
    if (came === 0) rows.push([begins + (trend as Trend).step / 2, mean, trend?.min[bucket] ?? mean, trend?.max[bucket] ?? mean]);
  }
  const last = rows.at(-1);
  const first = points[at];
  if (trend && last && first && first[0] - last[0] > GAP_STEPS * trend.step) rows.push([last[0] + trend.step, null, null, null]);
  for (; at < points.length; at++) {
    const [time, value] = points[at] as Point;
    rows.push([time, value, value, value]);
  }
  return {
    times: rows.map(([time]) => time / 1000),
    values: rows.map((row) => row[1]),
    low: rows.map((row) => row[2]),
    high: rows.map((row) => row[3]),
  };
}

export function scaled(curve: Curve, factor: number): Curve {
  const all = (list: (number | null)[]) => list.map((value) => (value === null ? null : value * factor));
  return factor === 1 ? curve : { times: curve.times, values: all(curve.values), low: all(curve.low), high: all(curve.high) };
}

/** Each value counts for as long as it held: until the next, the last one until UNTIL, in seconds. */
function meanOf(curve: Curve, until: number): number {
  let sum = 0;
  let all = 0;
  for (const [at, value] of curve.values.entries()) {
    const time = curve.times[at] as number;
    const held = Math.max((curve.times[at + 1] ?? until) - time, Number.MIN_VALUE);
    if (value === null) continue;
    sum += value * held;
    all += held;
  }
  return sum / all;
}

/** Lowest, mean and highest of a curve that ends at UNTIL; null where it has nothing. */
export function summary(curve: Curve, until: number): { low: number; mean: number; high: number } | null {
  const known = (list: (number | null)[]) => list.filter((value): value is number => value !== null);
  if (known(curve.values).length === 0) return null;
  return {
    low: known(curve.low).reduce((a, b) => Math.min(a, b), Infinity),
    mean: meanOf(curve, until),
    high: known(curve.high).reduce((a, b) => Math.max(a, b), -Infinity),
  };
}
