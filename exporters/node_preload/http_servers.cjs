"use strict";

const diagnosticsChannel = require("node:diagnostics_channel");
const net = require("node:net");
const { performance } = require("node:perf_hooks");

const kIsWatched = Symbol("plimsoll.isWatched");
const kConnection = Symbol("plimsoll.connection");

/**
 * What is known of a connection. All of it is here, and nothing on requests and answers: whatever is added to those
 * takes memory for each of them.
 */
class Connection {
  /** The answer under way, and when its request began. */
  response = undefined;
  startMs = 0;
  /** Those behind it. */
  pipelined = [];
  /** What the last request was, and where it was counted. */
  url = undefined;
  method = undefined;
  status = undefined;
  histogram = undefined;

  /** On to the next answer. */
  advance() {
    const next = this.pipelined.length === 0 ? undefined : this.pipelined.shift();
    this.response = next?.response;
    if (next !== undefined) this.startMs = next.startMs;
  }
}

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
    // They run for each request (together 0.4 µs, Node 20), so there are no closures and no sets in them.
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
    if (server[kIsWatched]) return; // it listened before
    server[kIsWatched] = true;
    server.on("connection", (socket) => this.#guard.run(() => this.#open(socket)));
    if (isHttp2Server(server)) {
      server.on("stream", (stream, headers) => this.#guard.run(() => this.#watchStream(stream, headers)));
    }
  }

  #open(socket) {
    this.#accepted += 1;
    this.#sockets.add(socket);
    socket.on("close", () => this.#guard.run(() => this.#close(socket)));
  }

  #close(socket) {
    this.#sockets.delete(socket);
    this.#closedSentBytes += socket.bytesWritten;
  }

  #begin(response, socket) {
    const connection = socket[kConnection] ?? this.#attach(socket);
    this.#requests.begin();
    if (connection.response === undefined) {
      connection.response = response;
      connection.startMs = performance.now();
    } else {
      connection.pipelined.push({ response, startMs: performance.now() });
    }
  }

  #attach(socket) {
    const connection = new Connection();
    socket[kConnection] = connection;
    // Requests whose client went away are never finished.
    socket.on("close", () => this.#guard.run(() => this.#abandon(connection)));
    return connection;
  }

  #finish(request, response, socket) {
    const connection = socket?.[kConnection];
    // Answers are finished in the order of their requests.
    if (connection === undefined || connection.response !== response) return;
    this.#end(connection, request, response.statusCode);
  }

  #abandon(connection) {
    while (connection.response !== undefined) this.#end(connection, connection.response.req, "");
  }

  #end(connection, request, status) {
    const seconds = (performance.now() - connection.startMs) / 1000;
    connection.advance();
    this.#requests.end(this.#histogramOf(connection, request, status), seconds);
  }

  /** The one of the request before, if this one is like it: comparing is a third of what looking it up takes. */
  #histogramOf(connection, request, status) {
    const { method, route, url } = request;
    const isLikeTheLast = url === connection.url && method === connection.method && status === connection.status;
    // A framework that sets `route` may have matched the same URL otherwise.
    if (isLikeTheLast && route === undefined) return connection.histogram;
    connection.url = route === undefined ? url : undefined;
    connection.method = method;
    connection.status = status;
    connection.histogram = this.#requests.histogram(method, this.#routes.of(request), status);
    return connection.histogram;
  }

  #watchStream(stream, headers) {
    const startMs = performance.now();
    this.#requests.begin();
    stream.once("close", () => {
      this.#guard.run(() => {
        const route = this.#routes.ofUrl(headers[":path"] ?? "");
        const status = stream.sentHeaders?.[":status"] ?? "";
        const histogram = this.#requests.histogram(headers[":method"], route, status);
        this.#requests.end(histogram, (performance.now() - startMs) / 1000);
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
