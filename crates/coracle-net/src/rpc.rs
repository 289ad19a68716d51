//! JSON-RPC 2.0: one call, one answer, read as a stream.
//!
//! [`Request`] writes a call, [`Envelope`] reads an answer; neither does input or
//! output. [`RpcClient`] joins them over HTTP. Batches are not used: a device asks one
//! thing at a time. Reference: the JSON-RPC 2.0 specification.

mod client;
mod envelope;
mod error;
mod error_object;
mod flat;
mod request;

pub use self::client::{Answer, RpcClient};
pub use self::envelope::Envelope;
pub use self::error::{
    AnswerError, CallError, EnvelopeError, EnvelopeErrorKind, ErrorText, RpcError,
};
pub use self::flat::flat_result;
pub use self::request::{Call, Request};
