//! Metrics and Prometheus's text format in a few lines: atomics, and a lock only when a new series appears.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use fleet_shared::methods;
use fleet_shared::process;
use fleet_shared::settings::LATENCY_BUCKETS_SECONDS;

/// Method as a label, route, status.
type Key = (&'static str, &'static str, u16);

#[derive(Default)]
struct Latency {
    /// Requests in each bucket, not added up; the last one is for all that took longer.
    buckets: [AtomicU64; LATENCY_BUCKETS_SECONDS.len() + 1],
    sum_ns: AtomicU64,
}

#[derive(Default)]
pub struct Metrics {
    latencies: RwLock<BTreeMap<Key, Arc<Latency>>>,
    in_flight: AtomicI64,
    sent_bytes: AtomicU64,
    connections_open: AtomicI64,
    connections_accepted: AtomicU64,
}

/// Counts a request from `enter` until it is dropped.
pub struct InFlight<'a>(&'a AtomicI64);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Metrics {
    pub fn enter(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Relaxed);
        InFlight(&self.in_flight)
    }

    pub fn in_flight(&self) -> i64 {
        self.in_flight.load(Relaxed)
    }

    pub fn connection_opened(&self) {
        self.connections_accepted.fetch_add(1, Relaxed);
        self.connections_open.fetch_add(1, Relaxed);
    }

    pub fn connection_closed(&self) {
        self.connections_open.fetch_sub(1, Relaxed);
    }

    pub fn add_sent(&self, bytes: u64) {
        self.sent_bytes.fetch_add(bytes, Relaxed);
    }

    pub fn record(&self, method: &str, route: &'static str, status: u16, duration: Duration) {
        let latency = self.latency((methods::label(method), route, status));
        let seconds = duration.as_secs_f64();
        let bucket = LATENCY_BUCKETS_SECONDS.partition_point(|bound| *bound < seconds);
        latency.buckets[bucket].fetch_add(1, Relaxed);
        latency.sum_ns.fetch_add(duration.as_nanos() as u64, Relaxed);
    }

    fn latency(&self, key: Key) -> Arc<Latency> {
        if let Some(latency) = self.latencies.read().expect("no panic under the lock").get(&key) {
            return latency.clone();
        }
        self.latencies.write().expect("no panic under the lock").entry(key).or_default().clone()
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        self.write_requests(&mut text);
        write_figure(&mut text, "http_requests_in_flight", "gauge", "Requests being answered.", self.in_flight());
        let open = self.connections_open.load(Relaxed);
        write_figure(&mut text, "server_connections_open", "gauge", "Connections open now.", open);
        let accepted = self.connections_accepted.load(Relaxed);
        write_figure(&mut text, "server_connections_accepted_total", "counter", "Connections accepted.", accepted);
        let sent_bytes = self.sent_bytes.load(Relaxed);
        write_figure(&mut text, "server_sent_bytes_total", "counter", "Bytes sent, headers included.", sent_bytes);
        for figure in process::figures() {
            write_figure(&mut text, figure.name, figure.kind, figure.help, figure.value);
        }
        text
    }

    fn write_requests(&self, text: &mut String) {
        let latencies = self.latencies.read().expect("no panic under the lock");
        let mut histogram = String::new();
        let _ = writeln!(text, "# HELP http_requests_total Requests answered.\n# TYPE http_requests_total counter");
        for ((method, route, status), latency) in latencies.iter() {
            // Methods and routes are ours, none of which has anything to escape.
            let labels = format!("method=\"{method}\",route=\"{route}\",status=\"{status}\"");
            let count = latency.write_to(&mut histogram, &labels);
            let _ = writeln!(text, "http_requests_total{{{labels}}} {count}");
        }
        let name = "http_request_duration_seconds";
        let _ = writeln!(text, "# HELP {name} Time to answer a request.\n# TYPE {name} histogram\n{histogram}");
    }
}

impl Latency {
    /// Returns the number of requests.
    fn write_to(&self, text: &mut String, labels: &str) -> u64 {
        let mut count = 0;
        for (index, bucket) in self.buckets.iter().enumerate() {
            count += bucket.load(Relaxed);
            let bound = LATENCY_BUCKETS_SECONDS.get(index).map_or("+Inf".to_owned(), f64::to_string);
            let _ = writeln!(text, "http_request_duration_seconds_bucket{{{labels},le=\"{bound}\"}} {count}");
        }
        let sum_seconds = self.sum_ns.load(Relaxed) as f64 / 1e9;
        let _ = writeln!(text, "http_request_duration_seconds_sum{{{labels}}} {sum_seconds}");
        let _ = writeln!(text, "http_request_duration_seconds_count{{{labels}}} {count}");
        count
    }
}

fn write_figure(text: &mut String, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
}
