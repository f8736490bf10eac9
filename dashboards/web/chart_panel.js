// A PromQL box and the live chart of its answer.

import { readData } from "./api.js";
import { Chart, keyed, nameOf } from "./chart.js";
import { element, showError } from "./dom.js";
import { UNITS, unitOf } from "./format.js";

const RANGES = {
  "2 min": 120,
  "5 min": 300,
  "15 min": 900,
  "1 h": 3600,
  "6 h": 21600,
  "1 day": 86400,
  "7 days": 604800,
};
const STEPS_MAX = 300;
const SERIES_MAX = 50;
const POLL_MIN_SECONDS = 2;

export class ChartPanel {
  /** `changed` is called when the user asks for something else, `closed` when for no chart. */
  constructor(place, { expression, seconds }, changed, closed) {
    this.changed = changed;
    this.input = element("input", {
      value: expression,
      placeholder: "PromQL",
      spellcheck: false,
      ariaLabel: "PromQL expression",
    });
    this.input.setAttribute("list", "expressions");
    this.range = select(
      "Range",
      Object.entries(RANGES).map(([name, value]) => [value, name]),
      seconds,
    );
    const units = Object.entries(UNITS).map(([key, unit]) => [key, unit.name]);
    this.unit = select("Unit", [["auto", "unit by name"], ...units], "auto");
    const close = element("button", { type: "button", ariaLabel: "Remove this chart", textContent: "×" });
    const form = element("form", {}, this.input, this.range, this.unit, element("button", {}, "Run"), close);
    this.error = element("p", { className: "error query-error", hidden: true });
    this.notes = element("p", { className: "dim", hidden: true });
    this.legend = element("ul", { className: "legend" });
    const plot = element("div", { className: "plot" });
    this.root = element("section", { className: "chart" }, form, this.error, plot, this.notes, this.legend);
    place.append(this.root);
    this.chart = new Chart(plot);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.ask();
    });
    this.range.addEventListener("change", () => this.ask());
    this.unit.addEventListener("change", () => this.ask());
    close.addEventListener("click", () => {
      this.stop();
      this.root.remove();
      closed(this);
    });
    this.turn = 0;
    this.start();
  }

  get wanted() {
    return { expression: this.input.value.trim(), seconds: Number(this.range.value) };
  }

  ask() {
    this.changed();
    this.start();
  }

  stop() {
    clearTimeout(this.timer);
    this.turn += 1;
  }

  /** Asks now and again each step; what an older question still brings is not shown. */
  async start() {
    this.stop();
    const turn = this.turn;
    const asked = this.wanted;
    const step = Math.max(1, Math.ceil(asked.seconds / STEPS_MAX));
    if (!document.hidden && asked.expression) await this.refresh(turn, asked, step);
    if (turn !== this.turn) return;
    this.timer = setTimeout(() => this.start(), Math.max(POLL_MIN_SECONDS, step) * 1000);
  }

  async refresh(turn, { expression, seconds }, step) {
    const end = Math.floor(Date.now() / 1000 / step) * step;
    try {
      const answer = await readData("query_range", { query: expression, start: end - seconds, end, step });
      if (turn === this.turn) this.show(expression, answer, end - seconds, end, step);
    } catch (error) {
      if (turn === this.turn) showError(this.error, error);
    }
  }

  show(expression, { data, notes }, start, end, step) {
    const series = data.result.slice(0, SERIES_MAX);
    const unit = this.unit.value === "auto" ? unitOf(expression) : this.unit.value;
    showError(this.error, null);
    this.chart.show({ expression, series, start, end, step, unit });
    const left = data.result.length - series.length;
    const remarks = [...notes, ...(left > 0 ? [`${left} more series are not drawn`] : [])];
    if (series.length === 0) remarks.push("No data in this time.");
    this.notes.hidden = remarks.length === 0;
    this.notes.textContent = remarks.join("; ");
    this.legend.replaceChildren(
      ...series.map((each, index) =>
        keyed("li", index, nameOf(each.metric, expression), UNITS[unit].write(Number(each.values.at(-1)[1]), 4)),
      ),
    );
  }
}

function select(label, options, chosen) {
  const made = element(
    "select",
    { ariaLabel: label },
    ...options.map(([value, name]) => element("option", { value }, name)),
  );
  made.value = String(chosen);
  return made;
}
