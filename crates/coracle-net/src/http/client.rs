//! The client: connection kept, request in windows, answer in pieces.

use core::fmt;

use coracle_core::{BufferTooSmall, Encode, encode_window};
use embedded_io_async::{Read, Write};

use crate::connect::Connect;
use crate::endpoint::Endpoint;
use crate::http::BodyOut;
use crate::http::error::HttpError;
use crate::http::head::Head;
use crate::http::header::Header;
use crate::http::request::RequestBytes;
use crate::http::response::{ResponseError, ResponseErrorKind, ResponseReader};

/// Where requests go and what goes with each of them.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The server and the path on it.
    pub endpoint: Endpoint<'a>,
    /// Fields such as the provider's key.
    pub headers: &'a [Header<'a>],
}

/// What a client does within.
#[derive(Clone, Copy, Debug)]
pub struct HttpConfig {
    /// The longest answer body that is read, in bytes.
    pub max_body_len: usize,
    /// Whether the connection is kept for the next request. Without it every request
    /// connects anew, and none is ever sent twice.
    pub keep_alive: bool,
}

/// Sends requests to one server, one after the other, over a connection that is kept.
///
/// Memory: the connection and the addresses of its parts; a request takes the caller's
/// buffer and fewer than 256 bytes of state. Longer buffers mean fewer passes of the
/// encoder and fewer packets; any length from [`Self::MIN_BUF_LEN`] works.
///
/// # A request that is sent twice
///
/// A server may close a kept connection at any time, also just when the next request is
/// on its way. Where a *kept* connection turns out closed before a single byte of the
/// answer came, the request is sent once more over a new one. The first sending may
/// have been acted upon, so this is for requests that may safely arrive twice. Those of
/// this project do: reads change nothing, and a signed transaction is the same
/// transaction each time, with one nonce and one hash, which a node takes only once. For others, set
/// [`HttpConfig::keep_alive`] to `false`. Silence (a timeout) is never answered by
/// sending again.
///
/// # After an error
///
/// The client is usable. The connection is dropped, except where a complete, well-formed
/// answer merely carried a status of failure.
pub struct HttpClient<'s, S: Connect + 's> {
    stack: &'s S,
    target: Target<'s>,
    config: HttpConfig,
    connection: Option<S::Connection<'s>>,
}

impl<'s, S: Connect> HttpClient<'s, S> {
    /// The shortest buffer that a request works with, in bytes.
    pub const MIN_BUF_LEN: usize = 1;

    /// A client that is not connected yet.
    pub const fn new(stack: &'s S, target: Target<'s>, config: HttpConfig) -> Self {
        Self {
            stack,
            target,
            config,
            connection: None,
        }
    }

    /// Sends `body` as `application/json` by POST and hands the body of the answer to
    /// `out` in pieces.
    ///
    /// `buf` is the only buffer: first for windows of the request, then for pieces of
    /// the answer. The body's encoder runs once to be counted and then once for every
    /// `buf.len()` bytes.
    ///
    /// # Errors
    ///
    /// Each variant of [`HttpError`]. What `out` was given before an error is part of
    /// an answer that must not be believed, except after [`HttpError::Status`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection, so a late answer can never be taken
    /// for that of the next request. The server may have acted on the request.
    pub async fn post_json(
        &mut self,
        body: &dyn Encode,
        buf: &mut [u8],
        out: &mut BodyOut<'_>,
    ) -> Result<Head, HttpError<S::Error>> {
        if buf.len() < Self::MIN_BUF_LEN {
            let needed = Self::MIN_BUF_LEN;
            return Err(HttpError::Buffer(BufferTooSmall { needed }));
        }
        let target = self.target;
        let request = RequestBytes::new(&target, self.config.keep_alive, body);
        let mut reader = ResponseReader::new(self.config.max_body_len);
        let mut kept = self.connection.take();
        loop {
            let is_kept = kept.is_some();
            let connection = match kept.take() {
                Some(connection) => connection,
                None => {
                    let connection = self.stack.connect(&target.endpoint).await;
                    connection.map_err(HttpError::Connect)?
                }
            };
            let outcome = self.exchange(connection, &request, &mut reader, buf, out);
            match outcome.await {
                Err(error) if is_kept && reader.received() == 0 && error.is_closed() => {}
                outcome => return outcome,
            }
        }
    }

    /// Turns to another server; closes the connection.
    pub fn set_target(&mut self, target: Target<'s>) {
        self.close();
        self.target = target;
    }

    /// Closes the connection, for example before the radio sleeps.
    pub fn close(&mut self) {
        self.connection = None;
    }

    /// Where requests go.
    pub const fn target(&self) -> &Target<'s> {
        &self.target
    }

    /// Whether a connection is being kept. The server may have closed it meanwhile.
    pub const fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// Owns the connection meanwhile, so that it closes with the future; puts it back
    /// after a whole answer.
    async fn exchange(
        &mut self,
        mut connection: S::Connection<'s>,
        request: &RequestBytes<'_>,
        reader: &mut ResponseReader,
        buf: &mut [u8],
        out: &mut BodyOut<'_>,
    ) -> Result<Head, HttpError<S::Error>> {
        send(&mut connection, request, buf).await?;
        let received = receive(&mut connection, reader, buf, out).await;
        let Some(head) = reader.head() else {
            received?;
            return Err(HttpError::Response(truncated(reader)));
        };
        if matches!(received, Ok(Ending::Clean)) && head.keep_alive && self.config.keep_alive {
            self.connection = Some(connection);
        }
        match head.status {
            // Whatever befell the body, the status is what the caller acts on.
            status @ 300..=399 => Err(HttpError::Redirect { status }),
            status @ 400.. => Err(HttpError::Status {
                status,
                retry_after_s: head.retry_after_s,
            }),
            _ => received.map(|_| head),
        }
    }
}

impl<S: Connect> fmt::Debug for HttpClient<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("target", &self.target)
            .field("config", &self.config)
            .field("is_connected", &self.is_connected())
            .finish_non_exhaustive()
    }
}

/// What the connection is worth after a whole answer.
enum Ending {
    /// The answer ended where the bytes did.
    Clean,
    /// The server closed it, or sent more than one answer.
    Spent,
}

async fn send<C: Write>(
    connection: &mut C,
    request: &RequestBytes<'_>,
    buf: &mut [u8],
) -> Result<(), HttpError<C::Error>> {
    let total = request.encoded_len();
    let mut sent = 0_usize;
    while sent < total {
        let filled = encode_window(request, sent, buf);
        let filled = filled.min(total.saturating_sub(sent));
        if filled == 0 {
            return Err(HttpError::UnsteadyEncoder);
        }
        write_all(connection, buf.get(..filled).unwrap_or_default()).await?;
        sent = sent.saturating_add(filled);
    }
    connection.flush().await.map_err(HttpError::Write)
}

/// `Write::write_all` panics where a transport writes nothing; this one does not.
async fn write_all<C: Write>(connection: &mut C, bytes: &[u8]) -> Result<(), HttpError<C::Error>> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = connection.write(rest).await.map_err(HttpError::Write)?;
        if written == 0 {
            let what = ResponseErrorKind::Truncated;
            return Err(HttpError::Response(ResponseError { what, at: 0 }));
        }
        rest = rest.get(written..).unwrap_or_default();
    }
    Ok(())
}

async fn receive<C: Read>(
    connection: &mut C,
    reader: &mut ResponseReader,
    buf: &mut [u8],
    out: &mut BodyOut<'_>,
) -> Result<Ending, HttpError<C::Error>> {
    loop {
        let len = connection.read(buf).await.map_err(HttpError::Read)?;
        if len == 0 {
            reader.finish().map_err(HttpError::Response)?;
            return Ok(Ending::Spent);
        }
        let bytes = buf.get(..len).unwrap_or(buf);
        let used = reader.feed(bytes, out).map_err(HttpError::Response)?;
        if used < bytes.len() {
            return Ok(Ending::Spent);
        }
        if reader.is_done() {
            return Ok(Ending::Clean);
        }
        // A redirect is refused; its body is not worth the air time.
        if matches!(
            reader.head(),
            Some(Head {
                status: 300..=399,
                ..
            })
        ) {
            return Ok(Ending::Spent);
        }
    }
}

const fn truncated(reader: &ResponseReader) -> ResponseError {
    ResponseError {
        what: ResponseErrorKind::Truncated,
        at: reader.received(),
    }
}
