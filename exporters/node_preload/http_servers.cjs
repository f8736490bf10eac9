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
  /** Those behind it, of a client that asks before it is answered. */
  pipelined = undefined;

  begin(response) {
    if (this.response !== undefined) {
      this.pipelined ??= [];
      this.pipelined.push({ response, startMs: performance.now() });
      return;
    }
    this.response = response;
    this.startMs = performance.now();
  }

  /** The seconds that the answer under way took; the next one is then under way. */
  end() {
    const seconds = (performance.now() - this.startMs) / 1000;
    this.response = undefined;
    if (this.pipelined !== undefined) this.#advance();
    return seconds;
  }

  #advance() {
    const next = this.pipelined.shift();
    if (this.pipelined.length === 0) this.pipelined = undefined;
    this.response = next.response;
    this.startMs = next.startMs;
  }

  get active() {
    return (this.response === undefined ? 0 : 1) + (this.pipelined?.length ?? 0);
  }
}

/** Watches every HTTP, HTTPS and HTTP/2 server that begins to listen: its connections, their bytes, its requests. */
class HttpServers {
  #requests;
  #routes;
  #guard;
  #sockets = new Set();
  /** Those of HTTP/1 on which a request has come. */
  #connections = new Set();
  #activeStreams = 0;
  /** What the last request was, and where it was counted: of any connection, so that it stays in the nearest caches. */
  #last = { url: undefined, method: undefined, status: undefined, histogram: undefined };
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
    // They run for each request, so there are no closures and no sets in them.
    diagnosticsChannel.subscribe("http.server.request.start", ({ response, socket, server }) => {
      try {
        if (server !== metricsServer.server) (socket[kConnection] ?? this.#attach(socket)).begin(response);
      } catch (error) {
        guard.report(error);
      }
    });
    diagnosticsChannel.subscribe("http.server.response.finish", ({ request, response, socket }) => {
      try {
        const connection = (socket ?? request.socket)[kConnection];
        // Answers are finished in the order of their requests.
        if (connection?.response === response) this.#end(connection, request, response.statusCode);
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

  #attach(socket) {
    const connection = new Connection();
    socket[kConnection] = connection;
    this.#connections.add(connection);
    // Requests whose client went away are never finished.
    socket.on("close", () => this.#guard.run(() => this.#abandon(connection)));
    return connection;
  }

  #abandon(connection) {
    this.#connections.delete(connection);
    while (connection.response !== undefined) this.#end(connection, connection.response.req, "");
  }

  #end(connection, request, status) {
    const seconds = connection.end();
    this.#histogramOf(request, status).observe(seconds);
  }

  /** The one of the request before, if this one is like it: comparing is a third of what looking it up takes. */
  #histogramOf(request, status) {
    const { method, route, url } = request;
    const last = this.#last;
    // A framework that sets `route` may have matched the same URL otherwise.
    if (url === last.url && method === last.method && status === last.status && route === undefined) {
      return last.histogram;
    }
    const histogram = this.#requests.histogram(method, this.#routes.of(request), status);
    last.url = route === undefined ? url : undefined;
    last.method = method;
    last.status = status;
    last.histogram = histogram;
    return histogram;
  }

  #watchStream(stream, headers) {
    const startMs = performance.now();
    this.#activeStreams += 1;
    stream.once("close", () => {
      this.#guard.run(() => {
        this.#activeStreams -= 1;
        const route = this.#routes.ofUrl(headers[":path"] ?? "");
        const status = stream.sentHeaders?.[":status"] ?? "";
        const histogram = this.#requests.histogram(headers[":method"], route, status);
        histogram.observe((performance.now() - startMs) / 1000);
      });
    });
  }

  collect(exposition) {
    let sentBytes = this.#closedSentBytes;
    for (const socket of this.#sockets) sentBytes += socket.bytesWritten;
    let active = this.#activeStreams;
    for (const connection of this.#connections) active += connection.active;
    exposition.figure("http_server_active_requests", "gauge", "Requests that are being answered now.", active);
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
