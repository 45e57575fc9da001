// SPDX-License-Identifier: Apache-2.0
// A curve over time, drawn by uPlot in the colours of the page.

import type uPlot from "uplot";
import { el } from "./dom.js";
import type { Curve } from "./points.js";
import { currentLanguage, numberText } from "./words.js";

const HEIGHT = 190;

/** In a file of its own, which is read when there is something to plot. */
const library = () => import("uplot").then(({ default: made }) => made);

function colour(token: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(token).trim();
}

/** Some air above and below, and a little of it where all values are one. */
function spread(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const air = Math.max((high - low) * 0.1, Math.abs(high) * 0.01, 0.1);
  return [low - air, high + air];
}

export class Plot {
  readonly element = el("div", { class: "plot", role: "img" });
  private plot: uPlot | null = null;
  private isClosed = false;
  private wanted: { data: uPlot.AlignedData; from: number; to: number } | null = null;
  private readonly resized = new ResizeObserver(() => this.plot?.setSize({ width: this.width(), height: HEIGHT }));
  private readonly dark = matchMedia("(prefers-color-scheme: dark)");
  private readonly recolour = () => this.plot?.redraw();

  constructor(private readonly isShare: boolean) {
    this.resized.observe(this.element);
    this.dark.addEventListener("change", this.recolour);
  }

  draw(curve: Curve, from: number, to: number, label: string): void {
    this.element.setAttribute("aria-label", label);
    const isFirst = this.wanted === null;
    this.wanted = { data: [curve.times, curve.values, curve.low, curve.high], from, to };
    if (this.plot) this.show();
    else if (isFirst) void this.make();
  }

  close(): void {
    this.isClosed = true;
    this.resized.disconnect();
    this.dark.removeEventListener("change", this.recolour);
    this.plot?.destroy();
  }

  private async make(): Promise<void> {
    const made = await library();
    if (this.isClosed) return;
    this.plot = new made(this.options(made), [[]], this.element);
    this.show();
  }

  private show(): void {
    if (!this.plot || !this.wanted) return;
    const { data, from, to } = this.wanted;
    this.plot.setData(data, false);
    this.plot.setScale("x", { min: from, max: to });
  }

  private width(): number {
    return Math.max(200, this.element.clientWidth);
  }

  private options(made: typeof uPlot): uPlot.Options {
    const axis = { stroke: () => colour("--ink-soft"), grid: { stroke: () => colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const stepped = made.paths.stepped?.({ align: 1 });
    const hidden: uPlot.Series = { stroke: "transparent", width: 0, points: { show: false } };
    return {
      width: this.width(),
      height: HEIGHT,
      padding: [8, 20, 0, 0], // the last time stands below the right edge
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, y: false },
      scales: { x: { time: true, auto: false }, y: { range: this.isShare ? [0, 1] : (_, low, high) => spread(low, high) } },
      axes: [
        { ...axis, size: 32, space: 70, values: (_, times, __, ___, step) => times.map((time) => this.timeText(time, step)) },
        { ...axis, size: 52, values: (_, values) => values.map((value) => (this.isShare ? `${Math.round(value * 100)}%` : numberText(value))) },
      ],
      bands: [{ series: [3, 2], fill: () => colour("--accent-faint") }],
      series: [
        {},
        {
          stroke: () => colour("--accent"),
          width: 2,
          points: { size: 5 },
          spanGaps: false,
          ...(this.isShare ? { fill: () => colour("--accent-faint"), ...(stepped ? { paths: stepped } : {}) } : {}),
        },
        { ...hidden },
        { ...hidden },
      ],
    };
  }

  private timeText(time: number, step: number): string {
    const date = new Date(time * 1000);
    const isDay = step >= 86400;
    return date.toLocaleString(currentLanguage(), isDay ? { weekday: "short", day: "numeric" } : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  }
}
