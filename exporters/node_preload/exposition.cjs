"use strict";

/** Prometheus's text format, written line by line. */
class Exposition {
  #lines = [];

  family(name, type, help) {
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  }

  /** @param {string} labels as `labelText` makes them, without braces; may be empty */
  sample(name, labels, value) {
    this.#lines.push(labels ? `${name}{${labels}} ${value}` : `${name} ${value}`);
  }

  figure(name, type, help, value) {
    this.family(name, type, help);
    this.sample(name, "", value);
  }

  /** @param {import("./histogram.cjs").Histogram} histogram */
  histogram(name, labels, histogram) {
    const before = labels ? `${labels},` : "";
    let count = 0;
    histogram.counts.forEach((inBucket, index) => {
      count += inBucket;
      this.sample(`${name}_bucket`, `${before}le="${histogram.bounds[index] ?? "+Inf"}"`, count);
    });
    this.sample(`${name}_sum`, labels, histogram.sum);
    this.sample(`${name}_count`, labels, count);
  }

  text() {
    return `${this.#lines.join("\n")}\n`;
  }
}

const ESCAPES = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };

function labelText(labels) {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${String(value).replace(/[\\"\n]/g, (character) => ESCAPES[character])}"`)
    .join(",");
}

module.exports = { Exposition, labelText };
