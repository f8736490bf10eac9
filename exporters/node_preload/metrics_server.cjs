"use strict";

const cluster = require("node:cluster");
const http = require("node:http");

const { Exposition } = require("./exposition.cjs");

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const CONNECTIONS_MAX = 16;
const IDLE_MS = 75_000;

/** Serves /metrics on an address of its own, and never keeps the program alive. */
class MetricsServer {
  #settings;
  #collectors;
  #guard;
  #isStarted = false;

  constructor(settings, collectors, guard) {
    this.#settings = settings;
    this.#collectors = collectors;
    this.#guard = guard;
    this.server = http.createServer({ keepAliveTimeout: IDLE_MS }, (request, response) => {
      guard.run(() => this.#answer(request, response));
    });
    this.server.maxConnections = CONNECTIONS_MAX;
  }

  start() {
    if (this.#isStarted) return;
    this.#isStarted = true;
    const { host } = this.#settings;
    const port = this.#port();
    this.server.on("error", (error) => {
      const hint =
        error.code === "EADDRINUSE" ? ": set PLIMSOLL_METRICS_PORT to another, or to 0 to have one chosen" : "";
      this.#guard.say(`warning: no metrics at ${host}:${port}, ${error.message}${hint}`);
    });
    this.server.on("connection", (socket) => socket.unref());
    this.server.on("listening", () => {
      const address = this.server.address();
      this.#guard.say(`metrics of process ${process.pid} at http://${authority(address)}/metrics`);
    });
    // exclusive: the workers of a cluster would share the primary's socket, and each scrape show another of them.
    this.server.listen({ host, port, exclusive: true });
    this.server.unref();
  }

  /** Each worker of a cluster has its own: the port set, plus the worker's number. */
  #port() {
    const { port } = this.#settings;
    return port === 0 ? 0 : port + (cluster.worker?.id ?? 0);
  }

  #answer(request, response) {
    if (request.url.split("?")[0] !== "/metrics") {
      send(response, 404, "text/plain", "want /metrics\n");
      return;
    }
    const exposition = new Exposition();
    for (const collector of this.#collectors) this.#guard.run(() => collector.collect(exposition));
    send(response, 200, CONTENT_TYPE, exposition.text());
  }
}

function send(response, status, type, body) {
  response.writeHead(status, { "Content-Type": type, "Content-Length": Buffer.byteLength(body) }).end(body);
}

function authority({ address, port }) {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

module.exports = { MetricsServer };
