// What the preload adds to a request, without the noise of a network:
//
//     node tests/benchmarks/preload_cost.mjs [ROUNDS]
//
// Node's own HTTP server answers on sockets that are objects in memory, with and without the preload, in processes by
// turns. CPU time is taken of each 100 requests; the best hundredth of the pieces counts, of the best process: whatever
// else a machine does only adds. Printed are microseconds a request; the kernel's part, which is more than half of a
// real request, is in neither.

import { spawnSync } from "node:child_process";
import { createServer } from "node:http";
import { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";

import { findProduct } from "../../deploy/fleet/node-std/shop.js";

const PRELOAD = fileURLToPath(new URL("../../exporters/node_preload/preload.cjs", import.meta.url));
const REQUEST = Buffer.from("GET /product/42 HTTP/1.1\r\nHost: shop\r\n\r\n");
const CONNECTIONS = 32;
const WARM_UP_REQUESTS = 60_000;
const PIECES = 2000;
const PIECE_REQUESTS = 100;

/** Asks again when it has the answer, as long as `load` wants more. */
class MemorySocket extends Duplex {
  bytesWritten = 0;

  constructor(load) {
    super();
    this.load = load;
  }

  _read() {}

  _write(chunk, _encoding, done) {
    this.#answered(chunk.length, done);
  }

  _writev(chunks, done) {
    this.#answered(
      chunks.reduce((bytes, { chunk }) => bytes + chunk.length, 0),
      done,
    );
  }

  #answered(bytes, done) {
    this.bytesWritten += bytes;
    done();
    this.load.answered(this);
  }

  // What an HTTP server asks of a socket.
  setTimeout() {}
  setKeepAlive() {}
  setNoDelay() {}
}

class Load {
  #toAsk = 0;
  #open = 0;
  #onEnd;
  sockets = Array.from({ length: CONNECTIONS }, () => new MemorySocket(this));

  /** Resolves when so many requests are answered. */
  run(requests) {
    this.#toAsk = requests;
    for (const socket of this.sockets) this.ask(socket);
    return new Promise((resolve) => (this.#onEnd = resolve));
  }

  ask(socket) {
    if (this.#toAsk === 0) return;
    this.#toAsk -= 1;
    this.#open += 1;
    setImmediate(() => socket.push(REQUEST));
  }

  answered(socket) {
    this.#open -= 1;
    this.ask(socket);
    if (this.#open === 0) setImmediate(this.#onEnd);
  }
}

/** As deploy/fleet/node-std/server.js. */
async function answer(request, response) {
  const { pathname } = new URL(request.url, "http://localhost");
  const { status, body } = await findProduct(pathname.slice("/product/".length));
  response.writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

async function measure() {
  const server = createServer(answer);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const load = new Load();
  for (const socket of load.sockets) server.emit("connection", socket);
  await load.run(WARM_UP_REQUESTS);
  const pieces = [];
  for (let piece = 0; piece < PIECES; piece += 1) {
    const before = process.cpuUsage();
    await load.run(PIECE_REQUESTS);
    const { user, system } = process.cpuUsage(before);
    pieces.push((user + system) / PIECE_REQUESTS);
  }
  console.log(pieces.sort((one, other) => one - other)[PIECES / 100]);
  process.exit(0);
}

function measuredWith(options) {
  const environment = { ...process.env, PLIMSOLL_METRICS_PORT: "0", PLIMSOLL_METRICS_ROUTES: "/,/product/{id}" };
  const child = spawnSync(process.execPath, [...options, fileURLToPath(import.meta.url), "--one"], {
    env: environment,
    encoding: "utf8",
  });
  if (child.status !== 0) throw new Error(`got exit code ${child.status}, want 0:\n${child.stderr}`);
  return Number(child.stdout);
}

function compare(rounds) {
  const without = [];
  const withPreload = [];
  for (let round = 0; round < rounds; round += 1) {
    without.push(measuredWith([]));
    withPreload.push(measuredWith(["--require", PRELOAD]));
  }
  const [bare, preloaded] = [Math.min(...without), Math.min(...withPreload)];
  console.log(`microseconds a request: ${bare.toFixed(2)} without, ${preloaded.toFixed(2)} with the preload`);
  console.log(`the preload adds ${(preloaded - bare).toFixed(2)}`);
}

if (process.argv[2] === "--one") await measure();
else compare(Number(process.argv[2] ?? 5));
