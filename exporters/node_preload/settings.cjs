"use strict";

const { availableTemplates } = require("./routes.cjs");

/** OpenTelemetry's default port for Prometheus exporters. */
const DEFAULT_PORT = 9464;
const DEFAULT_HOST = "127.0.0.1";

/** Routes beyond are counted as _OTHER: reached when something gives raw paths as routes. */
const ROUTES_MAX = 1000;

/** Port 0 lets the system choose. Throws a RangeError that names the variable. */
function readSettings(environment) {
  return Object.freeze({
    host: environment.PLIMSOLL_METRICS_HOST || DEFAULT_HOST,
    port: readPort(environment.PLIMSOLL_METRICS_PORT),
    routeTemplates: availableTemplates(environment.PLIMSOLL_METRICS_ROUTES ?? ""),
    routesMax: ROUTES_MAX,
  });
}

function readPort(text) {
  if (text === undefined || text === "") return DEFAULT_PORT;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new RangeError(`PLIMSOLL_METRICS_PORT: got ${JSON.stringify(text)}, want 0 to 65535`);
  }
  return port;
}

module.exports = { readSettings };
