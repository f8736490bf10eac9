//! The shop on Rocket.

mod metrics;

use std::io::Cursor;

use fleet_shared::metrics::HttpMetrics;
use fleet_shared::settings::{BODY_MAX_BYTES, GRACE, IDLE_SECONDS, listen_address};
use fleet_shared::shop::{self, Answer};
use rocket::config::{LogLevel, Shutdown, Sig};
use rocket::data::Limits;
use rocket::http::{ContentType, Status};
use rocket::request::Request;
use rocket::response::{self, Responder, Response};
use rocket::{Config, State, catch, catchers, get, post, routes};

use crate::metrics::{Measure, NAMES, Sockets};

struct Reply(Answer);

impl<'r> Responder<'r, 'static> for Reply {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let content_type = ContentType::parse_flexible(self.0.content_type).unwrap_or(ContentType::Plain);
        Response::build()
            .status(Status::new(self.0.status))
            .header(content_type)
            .sized_body(self.0.body.len(), Cursor::new(self.0.body))
            .ok()
    }
}

#[get("/")]
fn greeting() -> Reply {
    Reply(shop::greeting())
}

#[get("/product/<id>")]
fn product(id: &str) -> Reply {
    Reply(shop::product(id))
}

#[post("/pay", data = "<body>")]
fn pay(body: &[u8]) -> Reply {
    Reply(shop::pay(body))
}

#[get("/slow?<ms>")]
async fn slow(ms: Option<&str>) -> Reply {
    match shop::slow_for(ms) {
        Ok(duration) => {
            rocket::tokio::time::sleep(duration).await;
            Reply(shop::slept(duration))
        }
        Err(answer) => Reply(answer),
    }
}

#[get("/fail?<rate>")]
fn fail(rate: Option<&str>) -> Reply {
    Reply(shop::fail(rate))
}

#[get("/metrics")]
fn scrape(metrics: &State<HttpMetrics>, sockets: &State<Sockets>) -> Reply {
    Reply(match sockets.count().map(|count| metrics.text(count)) {
        Some(Ok(body)) => Answer { status: 200, content_type: prometheus::TEXT_FORMAT, body },
        Some(Err(error)) => shop::problem(500, &error.to_string()),
        None => shop::problem(503, "not listening yet"),
    })
}

#[catch(default)]
fn problem(status: Status, _: &Request<'_>) -> Reply {
    Reply(shop::problem(status.code, status.reason_lossy()))
}

#[rocket::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = listen_address()?;
    let config = Config {
        address: address.ip(),
        port: address.port(),
        keep_alive: IDLE_SECONDS,
        limits: Limits::new().limit("bytes", BODY_MAX_BYTES.into()),
        // Its normal level writes four lines for each request, and each 404 is a warning.
        log_level: LogLevel::Off,
        shutdown: Shutdown {
            ctrlc: true,
            signals: [Sig::Term].into(),
            grace: GRACE.as_secs() as u32,
            mercy: 1,
            ..Shutdown::default()
        },
        ..Config::release_default()
    };
    println!("listening on http://{address}");
    rocket::custom(config)
        .manage(HttpMetrics::new(&NAMES)?)
        .manage(Sockets::default())
        .mount("/", routes![greeting, product, pay, slow, fail, scrape])
        .register("/", catchers![problem])
        .attach(Measure)
        .launch()
        .await?;
    Ok(())
}
