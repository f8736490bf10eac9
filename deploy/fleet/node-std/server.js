// The shop on Node's standard library. Nothing in it is about metrics: they come from exporters/node_preload.

import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { fail, findProduct, greeting, pay, slowFor } from "./shop.js";

const BODY_MAX_BYTES = 64 * 1024;
const GRACE_MS = 5000;
const IDLE_MS = 75_000;

class BodyTooLarge extends Error {}

async function readBody(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > BODY_MAX_BYTES) throw new BodyTooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function send(response, { status, type = "application/json", body }) {
  response.writeHead(status, { "Content-Type": type, "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

async function answer(request) {
  const { pathname, searchParams } = new URL(request.url, "http://localhost");
  if (request.method === "POST" && pathname === "/pay") return pay(await readBody(request));
  if (request.method !== "GET") return { status: 404, body: '{"error":"not found"}' };
  if (pathname === "/") return greeting();
  if (pathname === "/slow") return slow(searchParams.get("ms"));
  if (pathname === "/fail") return fail(searchParams.get("rate"));
  if (pathname.startsWith("/product/")) return findProduct(pathname.slice("/product/".length));
  return { status: 404, body: '{"error":"not found"}' };
}

async function slow(text) {
  const { ms, problem } = slowFor(text);
  if (problem) return problem;
  await sleep(ms);
  return { status: 200, type: "text/plain; charset=utf-8", body: `slept ${ms} ms\n` };
}

const server = createServer({ keepAliveTimeout: IDLE_MS }, async (request, response) => {
  try {
    send(response, await answer(request));
  } catch (error) {
    const status = error instanceof BodyTooLarge ? 413 : 500;
    if (status === 500) console.error(error);
    response.setHeader("Connection", "close");
    send(response, { status, body: JSON.stringify({ error: status === 413 ? "body too large" : "our mistake" }) });
  }
});

function stop() {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  setTimeout(() => {
    console.error(`stopped with requests still open after ${GRACE_MS} ms`);
    process.exit(0);
  }, GRACE_MS).unref();
}

process.on("SIGTERM", stop);
process.on("SIGINT", stop);

server.listen(Number(process.env.PORT), process.env.HOST ?? "127.0.0.1", () => {
  const { address, port } = server.address();
  console.log(`listening on http://${address}:${port}`);
});
