//! As much of HTTP/1 as the shop needs: keep-alive, bodies with a length, limits.

use std::io::{self, BufRead, Read, Write};
use std::net::TcpStream;

use fleet_shared::settings::BODY_MAX_BYTES;
use fleet_shared::shop::{self, Answer};

/// Bytes of the request line and the headers together.
const HEAD_MAX_BYTES: u64 = 16 * 1024;

pub struct Request {
    pub method: String,
    pub target: String,
    pub body: Vec<u8>,
    pub is_kept_alive: bool,
}

impl Request {
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }
}

pub enum ReadError {
    /// The client closed the connection, was silent for too long, or broke off.
    Gone,
    /// The request is not one we take; the connection ends with this answer.
    Refused(Answer),
}

impl From<io::Error> for ReadError {
    fn from(_: io::Error) -> Self {
        ReadError::Gone
    }
}

pub fn read_request(reader: &mut impl BufRead) -> Result<Request, ReadError> {
    let mut head = reader.take(HEAD_MAX_BYTES);
    let line = read_line(&mut head)?;
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(refused(400, "malformed request line"));
    };
    let mut is_kept_alive = version == "HTTP/1.1";
    let mut length = 0;
    loop {
        let header = read_line(&mut head)?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').ok_or_else(|| refused(400, "malformed header"))?;
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "connection" if value.eq_ignore_ascii_case("close") => is_kept_alive = false,
            "connection" if value.eq_ignore_ascii_case("keep-alive") => is_kept_alive = true,
            "content-length" => length = body_length(value)?,
            "transfer-encoding" => return Err(refused(411, "want a body with Content-Length")),
            _ => (),
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Request { method: method.to_owned(), target: target.to_owned(), body, is_kept_alive })
}

fn body_length(value: &str) -> Result<usize, ReadError> {
    match value.parse() {
        Ok(length) if length <= BODY_MAX_BYTES => Ok(length),
        Ok(_) => Err(refused(413, "body too large")),
        Err(_) => Err(refused(400, "malformed Content-Length")),
    }
}

/// One line without its end. Both a connection at its end and a head over the limit give a line without one.
fn read_line(head: &mut io::Take<&mut impl BufRead>) -> Result<String, ReadError> {
    let mut line = String::new();
    head.read_line(&mut line)?;
    match line.strip_suffix('\n') {
        Some(text) => Ok(text.strip_suffix('\r').unwrap_or(text).to_owned()),
        None if head.limit() == 0 => Err(refused(431, "head too large")),
        None => Err(ReadError::Gone),
    }
}

fn refused(status: u16, error: &str) -> ReadError {
    ReadError::Refused(shop::problem(status, error))
}

/// Writes the answer in one piece; returns its bytes.
pub fn write_response(mut stream: &TcpStream, answer: &Answer, closes: bool, has_body: bool) -> io::Result<u64> {
    let mut bytes = format!(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: {}\r\n\r\n",
        answer.status,
        reason(answer.status),
        answer.content_type,
        answer.body.len(),
        if closes { "close" } else { "keep-alive" },
    );
    if has_body {
        bytes.push_str(&answer.body);
    }
    stream.write_all(bytes.as_bytes())?;
    Ok(bytes.len() as u64)
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        411 => "Length Required",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        _ => "Internal Server Error",
    }
}
