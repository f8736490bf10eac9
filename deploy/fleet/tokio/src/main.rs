//! The shop on tokio, with hyper for HTTP and no framework.

mod counted;

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use fleet_shared::metrics::{HttpMetrics, Names, SocketCount};
use fleet_shared::settings::{BODY_MAX_BYTES, GRACE, IDLE_SECONDS, listen_address};
use fleet_shared::shop::{self, Answer};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use prometheus::IntGauge;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

use crate::counted::Counted;

const NAMES: Names = Names {
    requests: "http_requests_total",
    duration: "http_request_duration_seconds",
    labels: ["method", "route", "status"],
};

struct App {
    metrics: HttpMetrics,
    sockets: SocketCount,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = listen_address()?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = TcpListener::bind(address).await?;
    let app = Arc::new(App { metrics: HttpMetrics::new(&NAMES)?, sockets: SocketCount::start() });
    let graceful = GracefulShutdown::new();
    println!("listening on http://{address}");
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => serve(stream, app.clone(), &graceful),
                Err(error) => {
                    // Most often too many open files: ask again when some of them may be closed.
                    eprintln!("accept: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        eprintln!("stopped with requests still open after {GRACE:?}");
    }
    Ok(())
}

fn serve(stream: TcpStream, app: Arc<App>, graceful: &GracefulShutdown) {
    // An answer is one write: waiting for more to fill the packet with only adds 40 ms.
    let _ = stream.set_nodelay(true);
    let is_scraper = Arc::new(AtomicBool::new(false));
    let sent_bytes = app.metrics.sent_bytes.clone();
    let counted = Counted { stream, sent_bytes, is_scraper: is_scraper.clone() };
    let service = service_fn(move |request| respond(app.clone(), is_scraper.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(IDLE_SECONDS.into()))
        .serve_connection(TokioIo::new(counted), service);
    let watched = graceful.watch(connection);
    // A connection ends with an error when its client goes away, which is no news.
    tokio::spawn(async move {
        let _ = watched.await;
    });
}

async fn respond(
    app: Arc<App>,
    is_scraper: Arc<AtomicBool>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() == "/metrics" {
        is_scraper.store(true, Relaxed);
        return Ok(into_response(scrape(&app)));
    }
    let start = Instant::now();
    let _in_flight = InFlight::enter(&app.metrics.in_flight);
    let method = request.method().clone();
    let (route, answer) = route(request).await;
    app.metrics.record(method.as_str(), route, answer.status, start.elapsed());
    Ok(into_response(answer))
}

/// The route's template, empty if there is none, and the answer.
async fn route(request: Request<Incoming>) -> (&'static str, Answer) {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or("");
    match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/") => ("/", shop::greeting()),
        (&Method::POST, "/pay") => ("/pay", pay(body).await),
        (&Method::GET, "/slow") => ("/slow", slow(query).await),
        (&Method::GET, "/fail") => ("/fail", shop::fail(shop::query_value(query, "rate"))),
        (&Method::GET, path) => match path.strip_prefix("/product/") {
            Some(id) => ("/product/{id}", shop::product(id)),
            None => ("", shop::problem(404, "not found")),
        },
        _ => ("", shop::problem(404, "not found")),
    }
}

async fn pay(body: Incoming) -> Answer {
    match Limited::new(body, BODY_MAX_BYTES).collect().await {
        Ok(collected) => shop::pay(&collected.to_bytes()),
        Err(_) => shop::problem(400, "body too large or cut short"),
    }
}

async fn slow(query: &str) -> Answer {
    match shop::slow_for(shop::query_value(query, "ms")) {
        Ok(duration) => {
            tokio::time::sleep(duration).await;
            shop::slept(duration)
        }
        Err(answer) => answer,
    }
}

fn scrape(app: &App) -> Answer {
    match app.metrics.text(&app.sockets) {
        Ok(body) => Answer { status: 200, content_type: prometheus::TEXT_FORMAT, body },
        Err(error) => shop::problem(500, &error.to_string()),
    }
}

fn into_response(answer: Answer) -> Response<Full<Bytes>> {
    Response::builder()
        .status(answer.status)
        .header(CONTENT_TYPE, answer.content_type)
        .body(Full::new(answer.body.into()))
        .expect("status and content type are valid")
}

/// Counts a request while it is being answered, also if its client goes away and hyper drops it half way.
struct InFlight(IntGauge);

impl InFlight {
    fn enter(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
