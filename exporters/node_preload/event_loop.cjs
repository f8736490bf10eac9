"use strict";

const { performance } = require("node:perf_hooks");

const { labelText } = require("./exposition.cjs");
const { Histogram } = require("./histogram.cjs");

// At 20 ms this took a quarter of what counting requests takes.
const INTERVAL_MS = 50;
const BOUNDS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

const NAME = "runtime_stall_seconds";

/**
 * How late a timer of 50 ms comes: for so long did the program do something else.
 *
 * perf_hooks has monitorEventLoopDelay, but shows percentiles only, and no scrape can make counts per bucket of those.
 */
class EventLoop {
  #histogram = new Histogram(BOUNDS_SECONDS);

  constructor(guard) {
    let expected = performance.now() + INTERVAL_MS;
    const tick = () => {
      const now = performance.now();
      // Timers have whole milliseconds: up to one is no delay.
      this.#histogram.observe(Math.max(0, now - expected - 1) / 1000);
      expected = now + INTERVAL_MS;
    };
    setInterval(() => guard.run(tick), INTERVAL_MS).unref();
  }

  collect(exposition) {
    exposition.family(NAME, "histogram", "How late the event loop came to what was due.");
    exposition.histogram(NAME, labelText({ runtime: "node", source: "event_loop" }), this.#histogram);
    const { active, idle } = performance.eventLoopUtilization();
    const name = "nodejs_eventloop_seconds_total";
    exposition.family(name, "counter", "Time the event loop has worked and waited.");
    exposition.sample(name, 'state="active"', active / 1000);
    exposition.sample(name, 'state="idle"', idle / 1000);
  }
}

module.exports = { EventLoop };
