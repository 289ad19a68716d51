//! The bytes of a request.

use coracle_core::{Encode, Sink, write_decimal};

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
        self.target.endpoint.write_host(out);
        out.write(b"\r\nContent-Type: application/json\r\nContent-Length: ");
        write_decimal(out, u64::try_from(self.body_len).unwrap_or(u64::MAX));
        out.write(b"\r\n");
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
