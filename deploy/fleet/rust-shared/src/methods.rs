//! The label of a request's method: a client can send any word, and each would be a series of its own.

/// What is no method of HTTP, by OpenTelemetry's name.
pub const OTHER: &str = "_OTHER";

/// Those that OpenTelemetry lists for http.request.method.
const KNOWN: [&str; 10] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"];

pub fn label(method: &str) -> &'static str {
    KNOWN.into_iter().find(|known| *known == method).unwrap_or(OTHER)
}
