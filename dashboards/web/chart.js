// Lines over time on a canvas: axes with units, and the values under the pointer.

import { element } from "./dom.js";
import { UNITS, momentText, niceTicks, tickText, timeTicks } from "./format.js";

const MARGIN = { left: 64, right: 12, top: 8, bottom: 22 };
const COLORS = [
  "#2494a8",
  "#d1495b",
  "#d99a2b",
  "#6a994e",
  "#8f6fc0",
  "#4a86e0",
  "#c06c84",
  "#95953f",
  "#2aa183",
  "#b0633a",
];
const TIP_ROWS_MAX = 12;

export const colorOf = (index) => COLORS[index % COLORS.length];

/** What the legend and the tip call a series of the answer to `expression`. */
export function nameOf(metric, expression) {
  const { __name__: name = "", ...rest } = metric;
  const pairs = Object.entries(rest).map(([label, value]) => `${label}="${value}"`);
  return pairs.length ? `${name}{${pairs.join(", ")}}` : name || expression;
}

export class Chart {
  constructor(place) {
    this.canvas = element("canvas", { role: "img" });
    this.tip = element("div", { className: "tip", hidden: true });
    place.append(this.canvas, this.tip);
    this.show({ expression: "", series: [], start: 0, end: 1, step: 1, unit: "none" });
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => this.point(null));
    new ResizeObserver(() => this.draw()).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** `series` as query_range answers them: [{metric, values: [[seconds, text], …]}, …]; times in seconds. */
  show({ expression, series, start, end, step, unit }) {
    const points = series.map((each) => each.values.map(([at, text]) => [at, Number(text)]));
    const finite = points.flatMap((each) => each.map(([, value]) => value)).filter(Number.isFinite);
    const [low, high] = bounds(finite);
    Object.assign(this, { expression, series, points, start, end, step, unit, low, high });
    this.canvas.dataset.points = finite.length;
    this.canvas.ariaLabel = `Chart of ${series.length} series`;
    this.draw();
    this.point(this.pointed);
  }

  x(at) {
    return MARGIN.left + ((at - this.start) / (this.end - this.start)) * this.plotWidth;
  }

  y(value) {
    return MARGIN.top + (1 - (value - this.low) / (this.high - this.low)) * this.plotHeight;
  }

  draw(at = null) {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (width === 0) return;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    this.plotWidth = width - MARGIN.left - MARGIN.right;
    this.plotHeight = height - MARGIN.top - MARGIN.bottom;
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    const style = getComputedStyle(this.canvas);
    const paint = {
      text: style.getPropertyValue("--dim"),
      line: style.getPropertyValue("--line"),
      font: style.fontFamily,
    };
    this.drawAxes(context, paint);
    this.points.forEach((points, index) => this.drawLine(context, points, colorOf(index)));
    if (at !== null) this.drawPointer(context, at, paint);
  }

  drawAxes(context, paint) {
    Object.assign(context, {
      font: `12px ${paint.font}`,
      fillStyle: paint.text,
      strokeStyle: paint.line,
      lineWidth: 1,
    });
    const ticks = niceTicks(this.low, this.high, Math.max(2, this.plotHeight / 45));
    const bottom = MARGIN.top + this.plotHeight;
    Object.assign(context, { textAlign: "right", textBaseline: "middle" });
    for (const value of ticks) {
      stroke(context, MARGIN.left, this.y(value), MARGIN.left + this.plotWidth, this.y(value));
      context.fillText(UNITS[this.unit].write(Number(value.toPrecision(12)), 3), MARGIN.left - 6, this.y(value));
    }
    Object.assign(context, { textAlign: "center", textBaseline: "top" });
    for (const at of timeTicks(this.start, this.end, Math.max(2, this.plotWidth / 90))) {
      stroke(context, this.x(at), bottom, this.x(at), bottom + 4);
      context.fillText(tickText(at, this.end - this.start), this.x(at), bottom + 7);
    }
  }

  drawLine(context, points, color) {
    Object.assign(context, { strokeStyle: color, fillStyle: color, lineWidth: 1.75, lineJoin: "round" });
    context.beginPath();
    let before = null;
    for (const [at, value] of points) {
      if (!Number.isFinite(value)) {
        before = null;
        continue;
      }
      const isJoined = before !== null && at - before <= this.step * 1.5;
      if (isJoined) context.lineTo(this.x(at), this.y(value));
      else (context.rect(this.x(at) - 0.5, this.y(value) - 0.5, 1, 1), context.moveTo(this.x(at), this.y(value)));
      before = at;
    }
    context.stroke();
  }

  drawPointer(context, at, paint) {
    Object.assign(context, { strokeStyle: paint.text, lineWidth: 1 });
    stroke(context, this.x(at), MARGIN.top, this.x(at), MARGIN.top + this.plotHeight);
    for (const { index, value } of this.valuesAt(at)) {
      context.fillStyle = colorOf(index);
      context.beginPath();
      context.arc(this.x(at), this.y(value), 3.5, 0, 2 * Math.PI);
      context.fill();
    }
  }

  /** Finite values of all series at one of their moments, the highest first. */
  valuesAt(at) {
    const found = this.points.map((points, index) => ({ index, value: points.find(([moment]) => moment === at)?.[1] }));
    return found.filter(({ value }) => Number.isFinite(value)).sort((one, other) => other.value - one.value);
  }

  point(event) {
    this.pointed = event;
    const at = event === null || event === undefined ? null : this.momentAt(event.clientX);
    this.tip.hidden = at === null;
    if (at !== null) this.fillTip(at);
    this.draw(at);
  }

  /** The moment with a value that is nearest to the pointer; null if there is none. */
  momentAt(clientX) {
    const x = clientX - this.canvas.getBoundingClientRect().left;
    const wanted = this.start + ((x - MARGIN.left) / this.plotWidth) * (this.end - this.start);
    let nearest = null;
    for (const points of this.points) {
      for (const [at] of points)
        if (nearest === null || Math.abs(at - wanted) < Math.abs(nearest - wanted)) nearest = at;
    }
    return nearest;
  }

  fillTip(at) {
    const values = this.valuesAt(at);
    const rows = values
      .slice(0, TIP_ROWS_MAX)
      .map(({ index, value }) =>
        keyed("p", index, nameOf(this.series[index].metric, this.expression), UNITS[this.unit].write(value, 4)),
      );
    const rest =
      values.length > rows.length
        ? [element("p", { className: "dim" }, `and ${values.length - rows.length} more`)]
        : [];
    this.tip.replaceChildren(element("p", { className: "dim" }, momentText(at * 1000)), ...rows, ...rest);
    const isRight = this.x(at) > this.canvas.clientWidth / 2;
    this.tip.style.left = isRight ? "auto" : `${this.x(at) + 10}px`;
    this.tip.style.right = isRight ? `${this.canvas.clientWidth - this.x(at) + 10}px` : "auto";
  }
}

/** A line of a legend: colour, name and value of a series. */
export function keyed(tag, index, name, value) {
  const swatch = element("i", { className: "swatch" });
  swatch.style.background = colorOf(index);
  return element(tag, {}, swatch, element("span", {}, name), element("b", {}, value));
}

/** From zero where all values are on one side of it, with room above. */
function bounds(values) {
  let low = 0;
  let high = 0;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low === high) return [0, 1];
  const room = (high - low) * 0.06;
  return [low < 0 ? low - room : 0, high > 0 ? high + room : 0];
}

function stroke(context, fromX, fromY, toX, toY) {
  context.beginPath();
  context.moveTo(Math.round(fromX) + 0.5, Math.round(fromY) + 0.5);
  context.lineTo(Math.round(toX) + 0.5, Math.round(toY) + 0.5);
  context.stroke();
}
