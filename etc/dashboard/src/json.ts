// SPDX-License-Identifier: Apache-2.0
// JSON that came from outside: every look at it is a question whether it is there and of the right type.

export type Json = { [key: string]: unknown };

export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a table has by this name: a name from outside may be one that every object has, such as `constructor`. */
export function own<T>(table: { readonly [name: string]: T }, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** The payload's object, taken out of the envelope where it is in one; null where it is no object. */
export function readJson(payload: string): Json | null {
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch {
    return null;
  }
  if (!isJson(value)) return null;
  return isJson(value.header) && isJson(value.content) ? value.content : value;
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}

/** A time stamp as milliseconds; null where it has none. */
export function timeOf(value: unknown): number | null {
  const time = typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? null : time;
}
