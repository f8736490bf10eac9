"use strict";

// Metrics of any Node HTTP server, without a change to its code:
//
//     NODE_OPTIONS="--require /path/to/exporters/node_preload/preload.cjs" node server.js
//
// It does nothing until the program listens for HTTP, so that npm and other tools which inherit NODE_OPTIONS are left
// alone. Then it serves http://PLIMSOLL_METRICS_HOST:PLIMSOLL_METRICS_PORT/metrics and says so on stderr.
// Whatever goes wrong in here is counted in plimsoll_preload_errors_total and never reaches the program.

const { isMainThread } = require("node:worker_threads");

const { EventLoop } = require("./event_loop.cjs");
const { GcPauses } = require("./gc_pauses.cjs");
const { Guard } = require("./guard.cjs");
const { HttpRequests } = require("./http_requests.cjs");
const { HttpServers } = require("./http_servers.cjs");
const { MetricsServer } = require("./metrics_server.cjs");
const { ProcessFigures } = require("./process_figures.cjs");
const { Routes } = require("./routes.cjs");
const { readSettings } = require("./settings.cjs");

function start(guard) {
  const settings = readSettings(process.env);
  const requests = new HttpRequests(settings.routesMax);
  const servers = new HttpServers(requests, new Routes(settings.routeTemplates), guard);
  // From the start, not from the first server on: what a program collects while it loads is part of the truth.
  const collectors = [requests, servers, new GcPauses(guard), new EventLoop(guard), new ProcessFigures(), guard];
  const metricsServer = new MetricsServer(settings, collectors, guard);
  servers.watch(metricsServer);
}

// A worker thread shares the process: its heap and loop are its own, and the port is taken by the main thread.
if (isMainThread) {
  const guard = new Guard();
  guard.run(() => start(guard));
}
