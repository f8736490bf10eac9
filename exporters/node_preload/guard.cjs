"use strict";

const fs = require("node:fs");

const STDERR = 2;

/** Runs our code inside somebody else's program: what it throws is counted, said once, and goes no further. */
class Guard {
  #errors = 0;

  run(action) {
    try {
      return action();
    } catch (error) {
      this.report(error);
      return undefined;
    }
  }

  report(error) {
    this.#errors += 1;
    if (this.#errors === 1) this.say(`metrics may be incomplete: ${error?.stack ?? error}`);
  }

  /** Straight to the file: on process.stderr a reader who has gone would be an error event of the program. */
  say(message) {
    try {
      fs.writeSync(STDERR, `plimsoll: ${message}\n`);
    } catch {
      this.#errors += 1;
    }
  }

  /** @param {Exposition} exposition */
  collect(exposition) {
    exposition.family("plimsoll_preload_errors_total", "counter", "Errors inside the preloaded metrics.");
    exposition.sample("plimsoll_preload_errors_total", "", this.#errors);
  }
}

module.exports = { Guard };
