"use strict";

/**
 * Counts in buckets, and the sum of what was observed.
 *
 * All figures are in one block of memory, the sum in front: with a server's own work in between they have left the
 * nearest caches, and each further place to read from is what an observation costs.
 */
class Histogram {
  #figures;

  constructor(bounds) {
    this.bounds = bounds;
    // One bucket more than bounds, for all that is above the last.
    this.#figures = new Float64Array(1 + bounds.length + 1);
  }

  observe(value) {
    const { bounds } = this;
    const figures = this.#figures;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]) bucket += 1;
    figures[0] += value;
    figures[1 + bucket] += 1;
  }

  get sum() {
    return this.#figures[0];
  }

  get counts() {
    return this.#figures.subarray(1);
  }
}

module.exports = { Histogram };
