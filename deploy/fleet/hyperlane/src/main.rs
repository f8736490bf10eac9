//! The shop on hyperlane.
//!
//! hyperlane's hooks are types, built anew for every request, so what they share is in a static. A middleware before
//! the route starts the clock; the one after it sends the answer, counts its bytes and stops the clock.

use std::error::Error;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use fleet_shared::metrics::{HttpMetrics, Names, SocketCount};
use fleet_shared::settings::{BODY_MAX_BYTES, GRACE, IDLE_SECONDS, listen_address};
use fleet_shared::shop::{self, Answer};
use hyperlane::{Context, RequestConfig, Server, ServerConfig, ServerHook, Status, Stream};
use tokio::signal::unix::{SignalKind, signal};

const NAMES: Names = Names {
    requests: "http_requests_total",
    duration: "http_request_duration_seconds",
    labels: ["method", "route", "status"],
};

const START: &str = "start";
const ROUTE: &str = "route";

static APP: OnceLock<App> = OnceLock::new();

struct App {
    metrics: HttpMetrics,
    sockets: SocketCount,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = listen_address()?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // hyperlane accepts as soon as it listens, so counting starts before and leaves out the listener.
    let app = App { metrics: HttpMetrics::new(&NAMES)?, sockets: SocketCount::start_before_listening() };
    assert!(APP.set(app).is_ok(), "BUG: the server is started twice");

    let control = server(&address.to_string()).run().await.map_err(|error| format!("listen on {address}: {error}"))?;
    println!("listening on http://{address}");
    tokio::select! {
        _ = terminate.recv() => (),
        _ = interrupt.recv() => (),
    }
    control.shutdown().await;
    control.wait().await;
    wait_for_open_requests().await;
    Ok(())
}

fn server(address: &str) -> Server {
    let mut config = ServerConfig::default();
    config.set_address(address);
    config.set_nodelay(Some(true));
    let mut limits = RequestConfig::default();
    limits.set_read_timeout_ms(u64::from(IDLE_SECONDS) * 1000);
    limits.set_max_body_size(BODY_MAX_BYTES);

    let mut server = Server::default();
    server.server_config(config);
    server.request_config(limits);
    server.request_middleware::<StartRequest>();
    server.route::<Greeting>("/");
    server.route::<Product>("/product/{id}");
    server.route::<Pay>("/pay");
    server.route::<Slow>("/slow");
    server.route::<Fail>("/fail");
    server.route::<Metrics>("/metrics");
    server.response_middleware::<SendResponse>();
    server
}

/// hyperlane's own wait ends when it accepts no more; the requests that are open then are ours to wait for.
async fn wait_for_open_requests() {
    let deadline = Instant::now() + GRACE;
    while app().metrics.in_flight.get() > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn app() -> &'static App {
    APP.get().expect("set before the server runs")
}

/// Puts `answer` into the response and remembers the route it is counted under.
fn answer_with(ctx: &mut Context, route: &'static str, answer: &Answer) -> Status {
    ctx.set_attribute(ROUTE, route);
    put(ctx, answer)
}

fn put(ctx: &mut Context, answer: &Answer) -> Status {
    ctx.get_mut_response()
        .set_status_code(answer.status.into())
        .set_header("content-type", answer.content_type)
        .set_body(&answer.body);
    Status::Continue
}

fn not_found(ctx: &mut Context) -> Status {
    answer_with(ctx, "", &shop::problem(404, "not found"))
}

struct StartRequest;

impl ServerHook for StartRequest {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, _: &mut Stream, ctx: &mut Context) -> Status {
        if ctx.get_request().get_path() != "/metrics" {
            app().metrics.in_flight.inc();
            ctx.set_attribute(START, Instant::now());
        }
        // What is answered if no route matches.
        not_found(ctx)
    }
}

struct Greeting;

impl ServerHook for Greeting {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, _: &mut Stream, ctx: &mut Context) -> Status {
        answer_with(ctx, "/", &shop::greeting())
    }
}

struct Product {
    id: Option<String>,
}

impl ServerHook for Product {
    async fn new(_: &mut Stream, ctx: &mut Context) -> Self {
        Self { id: ctx.try_get_route_param("id") }
    }

    async fn handle(self, _: &mut Stream, ctx: &mut Context) -> Status {
        answer_with(ctx, "/product/{id}", &shop::product(self.id.as_deref().unwrap_or("")))
    }
}

struct Pay;

impl ServerHook for Pay {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, _: &mut Stream, ctx: &mut Context) -> Status {
        if !ctx.get_request().get_method().is_post() {
            return not_found(ctx);
        }
        let answer = shop::pay(ctx.get_request().get_body());
        answer_with(ctx, "/pay", &answer)
    }
}

struct Slow {
    ms: Option<String>,
}

impl ServerHook for Slow {
    async fn new(_: &mut Stream, ctx: &mut Context) -> Self {
        Self { ms: ctx.get_request().try_get_query_front("ms") }
    }

    async fn handle(self, _: &mut Stream, ctx: &mut Context) -> Status {
        let answer = match shop::slow_for(self.ms.as_deref()) {
            Ok(duration) => {
                tokio::time::sleep(duration).await;
                shop::slept(duration)
            }
            Err(answer) => answer,
        };
        answer_with(ctx, "/slow", &answer)
    }
}

struct Fail {
    rate: Option<String>,
}

impl ServerHook for Fail {
    async fn new(_: &mut Stream, ctx: &mut Context) -> Self {
        Self { rate: ctx.get_request().try_get_query_front("rate") }
    }

    async fn handle(self, _: &mut Stream, ctx: &mut Context) -> Status {
        answer_with(ctx, "/fail", &shop::fail(self.rate.as_deref()))
    }
}

struct Metrics;

impl ServerHook for Metrics {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, _: &mut Stream, ctx: &mut Context) -> Status {
        let answer = match app().metrics.text(&app().sockets) {
            Ok(body) => Answer { status: 200, content_type: prometheus::TEXT_FORMAT, body },
            Err(error) => shop::problem(500, &error.to_string()),
        };
        put(ctx, &answer)
    }
}

struct SendResponse;

impl ServerHook for SendResponse {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, stream: &mut Stream, ctx: &mut Context) -> Status {
        if ctx.get_request().is_disable_keep_alive() {
            ctx.get_mut_response().set_header("connection", "close");
        }
        let bytes = ctx.get_mut_response().build();
        match stream.try_send(&bytes).await {
            Ok(()) => record(ctx, bytes.len() as u64),
            Err(_) => {
                // The client went away; hyperlane ends the connection.
                stream.set_closed(true);
                record(ctx, 0);
            }
        }
        Status::Continue
    }
}

fn record(ctx: &Context, sent_bytes: u64) {
    let Some(start) = ctx.try_get_attribute::<Instant, _>(START) else {
        return;
    };
    app().metrics.sent_bytes.inc_by(sent_bytes);
    let route: &str = ctx.try_get_attribute(ROUTE).unwrap_or("");
    let status = ctx.get_response().get_status_code() as u16;
    let method = ctx.get_request().get_method().to_string();
    app().metrics.record(&method, route, status, start.elapsed());
    app().metrics.in_flight.dec();
}
