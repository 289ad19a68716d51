//! The bytes of a request.

use core::fmt;

use coracle_core::{Encode, Sink};

use crate::http::client::Target;

/// A whole request as one stream of bytes, so that head and body share windows.
pub(crate) struct RequestBytes<'a> {
    target: &'a Target<'a>,
    keep_alive: bool,
    body: &'a dyn Encode,
    body_len: usize,
}

impl<'a> RequestBytes<'a> {
    pub(crate) fn new(target: &'a Target<'a>, keep_alive: bool, body: &'a dyn Encode) -> Self {
        Self {
            target,
            keep_alive,
            body,
            body_len: body.encoded_len(),
        }
    }
}

impl Encode for RequestBytes<'_> {
    fn encode(&self, out: &mut dyn Sink) {
        out.write(b"POST ");
        self.target.endpoint.write_target(out);
        out.write(b" HTTP/1.1\r\nHost: ");
        // A sink takes every write.
        let _ = self.target.endpoint.write_host(&mut Text(out));
        out.write(b"\r\nContent-Type: application/json\r\nContent-Length: ");
        let _ = fmt::write(&mut Text(out), format_args!("{}\r\n", self.body_len));
        if !self.keep_alive {
            out.write(b"Connection: close\r\n");
        }
        for header in self.target.headers {
            header.write(out);
        }
        out.write(b"\r\n");
        self.body.encode(out);
    }
}

/// Takes formatted text into a sink.
struct Text<'a>(&'a mut dyn Sink);

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
