//! What is answered to a request.

use std::thread;

use fleet_shared::shop::{self, Answer};

use crate::http::Request;
use crate::metrics::Metrics;

/// The route's template, empty if there is none, and the answer.
pub fn respond(request: &Request, metrics: &Metrics) -> (&'static str, Answer) {
    let path = request.path();
    match (request.method.as_str(), path) {
        ("GET", "/") => ("/", shop::greeting()),
        ("POST", "/pay") => ("/pay", shop::pay(&request.body)),
        ("GET", "/slow") => ("/slow", slow(request.query())),
        ("GET", "/fail") => ("/fail", shop::fail(shop::query_value(request.query(), "rate"))),
        ("GET", "/metrics") => {
            let content_type = "text/plain; version=0.0.4; charset=utf-8";
            ("/metrics", Answer { status: 200, content_type, body: metrics.text() })
        }
        ("GET", _) => match path.strip_prefix("/product/") {
            Some(id) => ("/product/{id}", shop::product(id)),
            None => ("", shop::problem(404, "not found")),
        },
        _ => ("", shop::problem(404, "not found")),
    }
}

fn slow(query: &str) -> Answer {
    match shop::slow_for(shop::query_value(query, "ms")) {
        Ok(duration) => {
            thread::sleep(duration);
            shop::slept(duration)
        }
        Err(answer) => answer,
    }
}
