"use strict";

const { PerformanceObserver, constants } = require("node:perf_hooks");

const { labelText } = require("./exposition.cjs");
const { Histogram } = require("./histogram.cjs");

const BOUNDS_SECONDS = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

const NAME = "runtime_gc_pause_seconds";

/** Every pause, also those that are delivered together. Incremental steps and weak callbacks are "other". */
class GcPauses {
  #histograms = {
    minor: new Histogram(BOUNDS_SECONDS),
    major: new Histogram(BOUNDS_SECONDS),
    other: new Histogram(BOUNDS_SECONDS),
  };
  #observer;
  #guard;

  constructor(guard) {
    this.#guard = guard;
    this.#observer = new PerformanceObserver((list) => guard.run(() => this.#record(list.getEntries())));
    this.#observer.observe({ entryTypes: ["gc"] });
  }

  #record(entries) {
    for (const entry of entries) this.#histograms[kindOf(entry)].observe(entry.duration / 1000);
  }

  collect(exposition) {
    // What has happened but was not delivered yet.
    this.#guard.run(() => this.#record(this.#observer.takeRecords()));
    exposition.family(NAME, "histogram", "Time the runtime was stopped by a garbage collection.");
    for (const [kind, histogram] of Object.entries(this.#histograms)) {
      exposition.histogram(NAME, labelText({ runtime: "node", kind }), histogram);
    }
  }
}

function kindOf(entry) {
  switch (entry.detail?.kind ?? entry.kind) {
    case constants.NODE_PERFORMANCE_GC_MINOR:
      return "minor";
    case constants.NODE_PERFORMANCE_GC_MAJOR:
      return "major";
    default:
      return "other";
  }
}

module.exports = { GcPauses };
