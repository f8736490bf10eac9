//! The shop on nothing but the standard library: a thread for each connection.

mod http;
mod metrics;
mod routes;

use std::error::Error;
use std::io::{self, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fleet_shared::methods;
use fleet_shared::settings::{GRACE, IDLE_SECONDS, listen_address};
use fleet_shared::shop::Answer;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::http::{ReadError, read_request, write_response};
use crate::metrics::Metrics;

/// A connection's thread needs little; the default of 2 MB would be reserved for each.
const STACK_BYTES: usize = 128 * 1024;

#[derive(Default)]
struct App {
    metrics: Metrics,
    is_stopping: AtomicBool,
}

/// What a connection's thread holds; the connection counts as open until it is dropped.
struct Connection {
    stream: TcpStream,
    app: Arc<App>,
}

impl Connection {
    fn new(stream: TcpStream, app: Arc<App>) -> Self {
        app.metrics.connection_opened();
        Self { stream, app }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.app.metrics.connection_closed();
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = listen_address()?;
    let signals = Signals::new([SIGTERM, SIGINT])?;
    let listener = TcpListener::bind(address)?;
    let app = Arc::new(App::default());
    println!("listening on http://{address}");
    thread::spawn({
        let app = app.clone();
        move || stop_on(signals, &app, address)
    });
    accept_until_stopped(&listener, &app);
    drop(listener);
    wait_for_open_requests(&app);
    Ok(())
}

fn stop_on(mut signals: Signals, app: &App, address: SocketAddr) {
    if signals.forever().next().is_some() {
        app.is_stopping.store(true, Ordering::SeqCst);
        // The standard library cannot interrupt accept(); a connection of our own can.
        let _ = TcpStream::connect(address);
    }
}

fn accept_until_stopped(listener: &TcpListener, app: &Arc<App>) {
    for stream in listener.incoming() {
        if app.is_stopping.load(Ordering::SeqCst) {
            return;
        }
        let served = stream.and_then(|stream| serve(stream, app));
        if let Err(error) = served {
            // Most often too many open files or threads: go on when some of them may be gone.
            eprintln!("accept: {error}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

fn serve(stream: TcpStream, app: &Arc<App>) -> io::Result<()> {
    let connection = Connection::new(stream, app.clone());
    thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        // A connection ends with an error when its client goes away, which is no news.
        let _ = answer_requests(&connection.stream, &connection.app);
    })?;
    Ok(())
}

fn answer_requests(stream: &TcpStream, app: &App) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(IDLE_SECONDS.into())))?;
    let mut reader = BufReader::new(stream);
    loop {
        let request = match read_request(&mut reader) {
            Ok(request) => request,
            Err(ReadError::Gone) => return Ok(()),
            Err(ReadError::Refused(answer)) => return refuse(stream, app, &answer),
        };
        let start = Instant::now();
        let is_measured = request.path() != "/metrics";
        let in_flight = is_measured.then(|| app.metrics.enter());
        let (route, answer) = routes::respond(&request, &app.metrics);
        let closes = !request.is_kept_alive || app.is_stopping.load(Ordering::SeqCst);
        let sent_bytes = write_response(stream, &answer, closes, request.method != "HEAD")?;
        if is_measured {
            app.metrics.add_sent(sent_bytes);
            app.metrics.record(&request.method, route, answer.status, start.elapsed());
        }
        drop(in_flight);
        if closes {
            return Ok(());
        }
    }
}

/// Counts what was no request by its answer alone: it may have had neither a method nor a path.
fn refuse(stream: &TcpStream, app: &App, answer: &Answer) -> io::Result<()> {
    let start = Instant::now();
    let _in_flight = app.metrics.enter();
    let sent_bytes = write_response(stream, answer, true, true)?;
    app.metrics.add_sent(sent_bytes);
    app.metrics.record(methods::OTHER, "", answer.status, start.elapsed());
    Ok(())
}

fn wait_for_open_requests(app: &App) {
    let deadline = Instant::now() + GRACE;
    while app.metrics.in_flight() > 0 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
}
