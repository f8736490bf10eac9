// The shop that every server of the fleet plays: the same answers, byte for byte.

const SENTENCE = "A sturdy thing that does one job and does it well every day. ";
const SLOW_MAX_MS = 10_000;
const ID_MAX = 2 ** 32 - 1;

const TEXT = "text/plain; charset=utf-8";

function problem(status, error) {
  return { status, body: JSON.stringify({ error }) };
}

export function greeting() {
  return { status: 200, type: TEXT, body: "hello from the fleet\n" };
}

/** About 1 KB of JSON; 404 unless the id is a whole number that fits 32 bits. */
export function findProduct(text) {
  const id = Number(text);
  if (!/^\d+$/.test(text) || id > ID_MAX) return problem(404, "no such product");
  const product = {
    id,
    name: `Product ${id}`,
    price_cents: 99 + (id % 10_000),
    currency: "EUR",
    stock: 100 + (id % 900),
    description: SENTENCE.repeat(15),
  };
  return { status: 200, body: JSON.stringify(product) };
}

export function pay(text) {
  const order = parse(text);
  if (!Number.isInteger(order?.order_id) || !Number.isInteger(order?.amount_cents)) {
    return problem(400, "want JSON with order_id and amount_cents");
  }
  const { order_id, amount_cents } = order;
  const payment = { payment_id: `pay-${order_id}`, order_id, amount_cents, status: "accepted" };
  return { status: 200, body: JSON.stringify(payment) };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** How long /slow?ms= sleeps, 100 ms if not said, or the problem with it. */
export function slowFor(text) {
  const ms = Number(text ?? 100);
  if (Number.isInteger(ms) && ms >= 0 && ms <= SLOW_MAX_MS) return { ms };
  return { problem: problem(400, "want ms from 0 to 10000") };
}

/** /fail?rate= fails that share of the requests, all of them if not said. */
export function fail(text) {
  const rate = Number(text ?? 1);
  if (!(rate >= 0 && rate <= 1)) return problem(400, "want rate from 0 to 1");
  return Math.random() < rate ? problem(500, "failed as asked") : { status: 200, type: TEXT, body: "ok\n" };
}
