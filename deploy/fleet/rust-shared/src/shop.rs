//! The shop that every server of the fleet plays: the same answers, byte for byte.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub const GREETING: &str = "hello from the fleet\n";

/// The longest that `/slow` sleeps.
pub const SLOW_MAX_MS: u64 = 10_000;

const SENTENCE: &str = "A sturdy thing that does one job and does it well every day. ";

/// What a handler answers, before the framework makes a response of it.
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

#[derive(Serialize)]
struct Product {
    id: u32,
    name: String,
    price_cents: u32,
    currency: &'static str,
    stock: u32,
    description: String,
}

#[derive(Deserialize)]
struct Order {
    order_id: u64,
    amount_cents: u64,
}

#[derive(Serialize)]
struct Payment {
    payment_id: String,
    order_id: u64,
    amount_cents: u64,
    status: &'static str,
}

#[derive(Serialize)]
struct Problem<'a> {
    error: &'a str,
}

pub fn text(status: u16, body: impl Into<String>) -> Answer {
    Answer { status, content_type: "text/plain; charset=utf-8", body: body.into() }
}

pub fn json<T: Serialize>(status: u16, value: &T) -> Answer {
    let body = serde_json::to_string(value).expect("plain structs always serialize");
    Answer { status, content_type: "application/json", body }
}

pub fn problem(status: u16, error: &str) -> Answer {
    json(status, &Problem { error })
}

pub fn greeting() -> Answer {
    text(200, GREETING)
}

/// About 1 KB of JSON; 404 unless `id` is a whole number that fits 32 bits.
pub fn product(id: &str) -> Answer {
    let Ok(id) = id.parse::<u32>() else {
        return problem(404, "no such product");
    };
    let product = Product {
        id,
        name: format!("Product {id}"),
        price_cents: 99 + id % 10_000,
        currency: "EUR",
        stock: 100 + id % 900,
        description: SENTENCE.repeat(15),
    };
    json(200, &product)
}

pub fn pay(body: &[u8]) -> Answer {
    let Ok(order) = serde_json::from_slice::<Order>(body) else {
        return problem(400, "want JSON with order_id and amount_cents");
    };
    let payment = Payment {
        payment_id: format!("pay-{}", order.order_id),
        order_id: order.order_id,
        amount_cents: order.amount_cents,
        status: "accepted",
    };
    json(200, &payment)
}

/// How long `/slow?ms=` sleeps (100 ms if not said), or the answer that says what is wrong with it.
pub fn slow_for(ms: Option<&str>) -> Result<Duration, Answer> {
    match ms.unwrap_or("100").parse::<u64>() {
        Ok(ms) if ms <= SLOW_MAX_MS => Ok(Duration::from_millis(ms)),
        _ => Err(problem(400, "want ms from 0 to 10000")),
    }
}

pub fn slept(duration: Duration) -> Answer {
    text(200, format!("slept {} ms\n", duration.as_millis()))
}

/// `/fail?rate=`: fails that share of the requests, all of them if not said.
pub fn fail(rate: Option<&str>) -> Answer {
    match rate.unwrap_or("1").parse::<f64>() {
        Ok(rate) if (0.0..=1.0).contains(&rate) => {
            if random_unit() < rate {
                problem(500, "failed as asked")
            } else {
                text(200, "ok\n")
            }
        }
        _ => problem(400, "want rate from 0 to 1"),
    }
}

/// The value of `key` in `query`, as it stands there: numbers need no decoding.
pub fn query_value<'a>(query: &'a str, key: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
}

/// From 0 inclusive to 1 exclusive. The keys of a new hash map are random, which is enough here.
fn random_unit() -> f64 {
    (RandomState::new().build_hasher().finish() >> 11) as f64 / (1u64 << 53) as f64
}
