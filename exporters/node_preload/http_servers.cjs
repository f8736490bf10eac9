"use strict";

const diagnosticsChannel = require("node:diagnostics_channel");
const net = require("node:net");
const { performance } = require("node:perf_hooks");

const kStart = Symbol("plimsoll.start");
const kOpenResponses = Symbol("plimsoll.openResponses");

/** Watches every HTTP, HTTPS and HTTP/2 server that begins to listen: its connections, their bytes, its requests. */
class HttpServers {
  #requests;
  #routes;
  #guard;
  #sockets = new Set();
  #accepted = 0;
  #closedSentBytes = 0;

  constructor(requests, routes, guard) {
    this.#requests = requests;
    this.#routes = routes;
    this.#guard = guard;
  }

  /** @param {import("./metrics_server.cjs").MetricsServer} metricsServer is started with the first server */
  watch(metricsServer) {
    const onListen = (server) => {
      if (server === metricsServer.server || !isHttpServer(server)) return;
      this.#watchServer(server);
      metricsServer.start();
    };
    const guard = this.#guard;
    const { listen } = net.Server.prototype;
    net.Server.prototype.listen = function plimsollListen(...options) {
      guard.run(() => onListen(this));
      return Reflect.apply(listen, this, options);
    };
    // Node's own notices of requests, instead of a wrapped emit: emit runs for every event of a server.
    // They run for each request (0.15 µs both, Node 20), so there are no closures and no sets in them.
    diagnosticsChannel.subscribe("http.server.request.start", ({ response, socket, server }) => {
      try {
        if (server !== metricsServer.server) this.#begin(response, socket);
      } catch (error) {
        guard.report(error);
      }
    });
    diagnosticsChannel.subscribe("http.server.response.finish", ({ request, response, socket, server }) => {
      try {
        if (server !== metricsServer.server) this.#finish(request, response, socket ?? request.socket);
      } catch (error) {
        guard.report(error);
      }
    });
  }

  #watchServer(server) {
    if (server[kStart]) return; // it listened before
    server[kStart] = true;
    server.on("connection", (socket) => this.#guard.run(() => this.#open(socket)));
    if (isHttp2Server(server)) {
      server.on("stream", (stream, headers) => this.#guard.run(() => this.#watchStream(stream, headers)));
    }
  }

  #open(socket) {
    this.#accepted += 1;
    this.#sockets.add(socket);
    socket.once("close", () => this.#guard.run(() => this.#close(socket)));
  }

  #close(socket) {
    this.#sockets.delete(socket);
    this.#closedSentBytes += socket.bytesWritten;
  }

  #begin(response, socket) {
    response[kStart] = performance.now();
    this.#requests.begin();
    if (socket[kOpenResponses] === undefined) {
      socket[kOpenResponses] = [];
      // Requests whose client went away are never finished.
      socket.once("close", () => this.#guard.run(() => this.#abandon(socket)));
    }
    socket[kOpenResponses].push(response);
  }

  #finish(request, response, socket) {
    if (response[kStart] === undefined) return;
    const open = socket?.[kOpenResponses];
    // Almost always the only one; pipelined ones are answered in order.
    if (open !== undefined && open[0] === response) open.shift();
    this.#end(request, response, response.statusCode);
  }

  #abandon(socket) {
    for (const response of socket[kOpenResponses]) {
      if (response[kStart] !== undefined) this.#end(response.req, response, "");
    }
    socket[kOpenResponses] = [];
  }

  #end(request, response, status) {
    const seconds = (performance.now() - response[kStart]) / 1000;
    response[kStart] = undefined;
    this.#requests.end(request.method, this.#routes.of(request), status, seconds);
  }

  #watchStream(stream, headers) {
    const start = performance.now();
    this.#requests.begin();
    stream.once("close", () => {
      this.#guard.run(() => {
        const route = this.#routes.ofUrl(headers[":path"] ?? "");
        const status = stream.sentHeaders?.[":status"] ?? "";
        this.#requests.end(headers[":method"], route, status, (performance.now() - start) / 1000);
      });
    });
  }

  collect(exposition) {
    let sentBytes = this.#closedSentBytes;
    for (const socket of this.#sockets) sentBytes += socket.bytesWritten;
    exposition.figure("server_connections_open", "gauge", "Connections open now.", this.#sockets.size);
    exposition.figure("server_connections_accepted_total", "counter", "Connections accepted.", this.#accepted);
    exposition.figure("server_sent_bytes_total", "counter", "Bytes sent, headers included.", sentBytes);
  }
}

/** By the methods only they have: node:http2 is not loaded for programs that do not use it. */
function isHttp2Server(server) {
  return typeof server.updateSettings === "function";
}

function isHttpServer(server) {
  return typeof server.closeIdleConnections === "function" || isHttp2Server(server);
}

module.exports = { HttpServers };
