//! A fairing that measures every request.
//!
//! The names are those of the rocket_prometheus crate. It is not used itself because its buckets start at 5 ms.

use std::sync::OnceLock;
use std::time::Instant;

use fleet_shared::metrics::{HttpMetrics, Names, SocketCount};
use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::Method;
use rocket::{Data, Orbit, Request, Response, Rocket};

pub const NAMES: Names = Names {
    requests: "rocket_http_requests_total",
    duration: "rocket_http_requests_duration_seconds",
    labels: ["method", "endpoint", "status"],
};

/// The date that hyper adds to every answer always takes as much.
const DATE_BYTES: usize = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n".len();

/// Rocket 0.5 shows nothing of its connections, so tokio is asked, from when the server listens.
#[derive(Default)]
pub struct Sockets(OnceLock<SocketCount>);

impl Sockets {
    pub fn count(&self) -> Option<&SocketCount> {
        self.0.get()
    }
}

pub struct Measure;

#[rocket::async_trait]
impl Fairing for Measure {
    fn info(&self) -> Info {
        Info { name: "Measure requests", kind: Kind::Liftoff | Kind::Request | Kind::Response }
    }

    async fn on_liftoff(&self, rocket: &Rocket<Orbit>) {
        if let Some(sockets) = rocket.state::<Sockets>() {
            sockets.0.get_or_init(SocketCount::start);
        }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        if is_scrape(request) {
            return;
        }
        request.local_cache(|| Some(Instant::now()));
        metrics(request).in_flight.inc();
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        say_whether_kept_alive(request, response);
        let Some(start) = *request.local_cache(|| None::<Instant>) else {
            return;
        };
        let metrics = metrics(request);
        metrics.sent_bytes.inc_by(response_bytes(request, response).await as u64);
        let route = request.route().map_or("", |route| route.uri.path());
        metrics.record(request.method().as_str(), route, response.status().code, start.elapsed());
        metrics.in_flight.dec();
    }
}

fn metrics<'r>(request: &'r Request<'_>) -> &'r HttpMetrics {
    request.rocket().state::<HttpMetrics>().expect("managed by main")
}

fn is_scrape(request: &Request<'_>) -> bool {
    request.uri().path() == "/metrics"
}

/// hyper adds this header where HTTP/1.0 or a closing client needs it; set here, its size is known here.
fn say_whether_kept_alive(request: &Request<'_>, response: &mut Response<'_>) {
    let wanted = request.headers().get_one("Connection").unwrap_or("");
    for known in ["keep-alive", "close"] {
        if wanted.eq_ignore_ascii_case(known) {
            response.set_raw_header("Connection", known);
        }
    }
}

/// Bytes on the wire. Rocket 0.5 has no hook around its sockets, so the answer is measured as hyper will write it.
async fn response_bytes(request: &Request<'_>, response: &mut Response<'_>) -> usize {
    let body_bytes = response.body_mut().size().await.unwrap_or(0);
    let headers: usize = response.headers().iter().map(|header| header.name.len() + header.value.len() + 4).sum();
    let content_length = "content-length: \r\n".len() + body_bytes.to_string().len();
    let status = response.status();
    let status_line = "HTTP/1.1 200 \r\n".len() + status.reason_lossy().len();
    let sent_body = if request.method() == Method::Head { 0 } else { body_bytes };
    status_line + headers + content_length + DATE_BYTES + "\r\n".len() + sent_body
}
