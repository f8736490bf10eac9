//! Prometheus metrics of the tokio-based servers, with the prometheus crate.

use std::time::Duration;

use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};
use tokio::runtime::Handle;

use crate::methods;
use crate::process::{self, Figure};
use crate::settings::LATENCY_BUCKETS_SECONDS;

/// How a framework's users name the requests' metrics and their labels.
pub struct Names {
    pub requests: &'static str,
    pub duration: &'static str,
    /// Method, route, status.
    pub labels: [&'static str; 3],
}

pub struct HttpMetrics {
    registry: Registry,
    requests: IntCounterVec,
    duration: HistogramVec,
    pub in_flight: IntGauge,
    pub sent_bytes: IntCounter,
}

impl HttpMetrics {
    pub fn new(names: &Names) -> prometheus::Result<Self> {
        let duration =
            HistogramOpts::new(names.duration, "Time to answer a request.").buckets(LATENCY_BUCKETS_SECONDS.to_vec());
        let metrics = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(Opts::new(names.requests, "Requests answered."), &names.labels)?,
            duration: HistogramVec::new(duration, &names.labels)?,
            in_flight: IntGauge::new("http_requests_in_flight", "Requests being answered.")?,
            sent_bytes: IntCounter::new("server_sent_bytes_total", "Bytes sent, headers included.")?,
        };
        metrics.register()?;
        Ok(metrics)
    }

    fn register(&self) -> prometheus::Result<()> {
        self.registry.register(Box::new(self.requests.clone()))?;
        self.registry.register(Box::new(self.duration.clone()))?;
        self.registry.register(Box::new(self.in_flight.clone()))?;
        self.registry.register(Box::new(self.sent_bytes.clone()))
    }

    /// One answered request. Requests for the metrics themselves are not to be recorded.
    pub fn record(&self, method: &str, route: &str, status: u16, duration: Duration) {
        let status = status_text(status);
        let labels = [methods::label(method), route, status.as_ref()];
        self.requests.with_label_values(&labels).inc();
        let histogram: Histogram = self.duration.with_label_values(&labels);
        histogram.observe(duration.as_secs_f64());
    }

    /// The text format, with the figures of the process and of its connections as they are now.
    pub fn text(&self, sockets: &SocketCount) -> prometheus::Result<String> {
        let now = Registry::new();
        for figure in process::figures().into_iter().chain(sockets.figures()) {
            register_figure(&now, figure)?;
        }
        let families = [self.registry.gather(), now.gather()].concat();
        TextEncoder::new().encode_to_string(&families)
    }
}

/// Counts the sockets of servers that show nothing of their connections, by what tokio has seen of them.
///
/// A server opens no other sockets once it listens, so every further one that the runtime registers is a connection.
pub struct SocketCount {
    runtime: Handle,
    registered_before: u64,
    deregistered_before: u64,
}

impl SocketCount {
    /// For a server that listens already and has accepted no connection yet; to be called inside the runtime.
    pub fn start() -> Self {
        Self::start_after(0)
    }

    /// For a server that will open one listener, and nothing else, before it accepts.
    pub fn start_before_listening() -> Self {
        Self::start_after(1)
    }

    fn start_after(further_sockets: u64) -> Self {
        let runtime = Handle::current();
        let metrics = runtime.metrics();
        Self {
            registered_before: metrics.io_driver_fd_registered_count() + further_sockets,
            deregistered_before: metrics.io_driver_fd_deregistered_count(),
            runtime,
        }
    }

    /// Connections open now.
    pub fn open(&self) -> u64 {
        let closed = self.runtime.metrics().io_driver_fd_deregistered_count() - self.deregistered_before;
        self.accepted().saturating_sub(closed)
    }

    fn accepted(&self) -> u64 {
        self.runtime.metrics().io_driver_fd_registered_count().saturating_sub(self.registered_before)
    }

    fn figures(&self) -> [Figure; 2] {
        let (open, accepted) = (self.open() as f64, self.accepted() as f64);
        [
            Figure { name: "server_connections_open", kind: "gauge", help: "Connections open now.", value: open },
            Figure {
                name: "server_connections_accepted_total",
                kind: "counter",
                help: "Connections accepted.",
                value: accepted,
            },
        ]
    }
}

fn status_text(status: u16) -> std::borrow::Cow<'static, str> {
    match status {
        200 => "200".into(),
        400 => "400".into(),
        404 => "404".into(),
        500 => "500".into(),
        other => other.to_string().into(),
    }
}

fn register_figure(registry: &Registry, figure: Figure) -> prometheus::Result<()> {
    if figure.kind == "counter" {
        let counter = prometheus::Counter::new(figure.name, figure.help)?;
        counter.inc_by(figure.value);
        return registry.register(Box::new(counter));
    }
    let gauge = Gauge::new(figure.name, figure.help)?;
    gauge.set(figure.value);
    registry.register(Box::new(gauge))
}
