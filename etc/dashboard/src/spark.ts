// SPDX-License-Identifier: Apache-2.0
// A line of a card's size: the last 24 hours at a glance.

import { svg } from "./dom.js";
import type { Curve } from "./points.js";

const WIDTH = 120;
const HEIGHT = 32;
const FEWEST = 3; // a line of less shows nothing

/** The path of a curve in a box of WIDTH by HEIGHT; gaps are left. "" of too few values. */
export function sparkPath(curve: Curve, from: number, to: number): string {
  const known = curve.values.filter((value): value is number => value !== null);
  if (known.length < FEWEST) return "";
  const low = Math.min(...known);
  const spread = Math.max(...known) - low;
  const y = (value: number) => (spread === 0 ? HEIGHT / 2 : HEIGHT - 2 - ((value - low) / spread) * (HEIGHT - 4));
  let path = "";
  let isDrawing = false;
  for (const [at, value] of curve.values.entries()) {
    if (value === null) {
      isDrawing = false;
      continue;
    }
    const x = (((curve.times[at] as number) - from) / (to - from)) * WIDTH;
    path += `${isDrawing ? "L" : "M"}${x.toFixed(1)} ${y(value).toFixed(1)}`;
    isDrawing = true;
  }
  return path;
}

export class Spark {
  private readonly path = svg("path");
  readonly element: SVGElement;

  constructor() {
    this.element = svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, this.path);
  }

  draw(curve: Curve, from: number, to: number): void {
    const path = sparkPath(curve, from, to);
    this.element.toggleAttribute("hidden", path === "");
    this.path.setAttribute("d", path);
  }
}
