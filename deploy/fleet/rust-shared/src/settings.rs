//! Limits and the listening address, the same for all four servers.

use std::env;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Bytes of a request's body; a payment has about 50.
pub const BODY_MAX_BYTES: usize = 64 * 1024;

/// How long open requests may take after SIGTERM.
pub const GRACE: Duration = Duration::from_secs(5);

/// How long a connection may stay open without a request.
pub const IDLE_SECONDS: u32 = 75;

/// Upper bounds of the latency histogram in seconds: a fast server answers in much less than a millisecond.
pub const LATENCY_BUCKETS_SECONDS: [f64; 16] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// `HOST` (127.0.0.1 if unset) and `PORT` of the environment.
pub fn listen_address() -> Result<SocketAddr, String> {
    let host = match env::var("HOST") {
        Ok(text) => text.parse().map_err(|_| format!("HOST: got {text:?}, want an IP address"))?,
        Err(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let text = env::var("PORT").map_err(|_| "PORT is not set: want a port, as in PORT=8101")?;
    let port = text.parse().map_err(|_| format!("PORT: got {text:?}, want 1 to 65535"))?;
    Ok(SocketAddr::new(host, port))
}
