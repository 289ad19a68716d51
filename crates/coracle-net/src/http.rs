//! HTTP/1.1 as a client: one request at a time, the connection kept.
//!
//! [`HttpClient`] does the input and output; [`ResponseReader`] is the protocol alone,
//! fed with bytes. References: RFC 9110 (semantics), RFC 9112 (messages).

mod body;
mod client;
mod error;
mod head;
mod header;
mod request;
mod response;

pub use self::client::{HttpClient, HttpConfig, Target};
pub use self::error::HttpError;
pub use self::head::Head;
pub use self::header::{Header, HeaderError};
pub use self::response::{ResponseError, ResponseErrorKind, ResponseReader, Stop};

/// Receives the body of an answer in pieces, in order; pieces split anywhere.
pub type BodyOut<'a> = dyn FnMut(&[u8]) -> Result<(), Stop> + 'a;
