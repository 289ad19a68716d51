//! Answers of one short text, held whole and read by `serde-json-core`.

use coracle_core::json::{self, JsonError};
use serde::Deserialize;

use crate::connect::Connect;
use crate::http::Stop;
use crate::rpc::client::RpcClient;
use crate::rpc::error::{AnswerError, CallError, EnvelopeError, EnvelopeErrorKind, RpcError};
use crate::rpc::request::{Call, Request};

/// The members of an answer whose result is one text.
#[derive(Deserialize)]
struct Flat<'a> {
    jsonrpc: Option<&'a str>,
    id: Option<u32>,
    #[serde(borrow)]
    result: Option<&'a str>,
    error: Option<FlatError>,
}

/// An error object; its words and its payload are skipped.
#[derive(Deserialize)]
struct FlatError {
    code: i64,
}

/// Reads a whole answer whose result is one text: a quantity, a hash.
///
/// The text is returned as it stands, escapes not resolved. Meant for answers that are
/// short by their nature; [`Envelope`](crate::rpc::Envelope) reads all others.
///
/// # Errors
///
/// As [`Envelope`](crate::rpc::Envelope), at offset 0 where the offset is not known. The
/// words and the payload of an error object are not read.
///
/// # Examples
///
/// ```
/// use coracle_net::rpc::flat_result;
///
/// let answer = br#"{"jsonrpc":"2.0","id":7,"result":"0x10"}"#;
/// assert_eq!(flat_result(7, answer), Ok("0x10"));
/// assert!(flat_result(8, answer).is_err());
/// ```
pub fn flat_result(id: u32, answer: &[u8]) -> Result<&str, AnswerError> {
    let flat: Flat<'_> = json::flat(answer).map_err(not_json)?;
    if flat.jsonrpc.is_some_and(|version| version != "2.0") {
        return Err(error(EnvelopeErrorKind::BadVersion));
    }
    // A node that could not read the request cannot name it.
    let is_nameless_error = flat.id.is_none() && flat.error.is_some();
    if flat.id != Some(id) && !is_nameless_error {
        return Err(error(EnvelopeErrorKind::WrongId));
    }
    match (flat.result, flat.error) {
        (Some(result), None) => Ok(result),
        (None, Some(cause)) => Err(AnswerError::Rpc(cause.into())),
        (Some(_), Some(_)) => Err(error(EnvelopeErrorKind::Both)),
        (None, None) => Err(error(EnvelopeErrorKind::Neither)),
    }
}

fn not_json(cause: JsonError) -> AnswerError {
    EnvelopeError {
        what: EnvelopeErrorKind::Json(cause),
        at: cause.at,
    }
    .into()
}

fn error(what: EnvelopeErrorKind) -> AnswerError {
    EnvelopeError { what, at: 0 }.into()
}

impl From<FlatError> for RpcError {
    fn from(error: FlatError) -> Self {
        Self {
            code: error.code,
            data_len: None,
        }
    }
}

impl<S: Connect> RpcClient<'_, S> {
    /// Calls a method whose result is one short text, and returns that text.
    ///
    /// `buf` is the working buffer of
    /// [`HttpClient::post_json`](crate::http::HttpClient::post_json); `out` holds the
    /// whole answer, envelope included.
    ///
    /// # Errors
    ///
    /// Each variant of [`CallError`]; an answer longer than `out` is stopped
    /// ([`ResponseErrorKind::Stopped`](crate::http::ResponseErrorKind::Stopped)).
    ///
    /// # Cancel safety
    ///
    /// That of [`call`](Self::call).
    pub async fn call_flat<'b>(
        &mut self,
        call: Call<'_>,
        buf: &mut [u8],
        out: &'b mut [u8],
    ) -> Result<&'b str, CallError<S::Error>> {
        let id = self.take_id();
        let mut len = 0_usize;
        let mut keep = |piece: &[u8]| {
            let end = len.saturating_add(piece.len());
            out.get_mut(len..end).ok_or(Stop)?.copy_from_slice(piece);
            len = end;
            Ok(())
        };
        let outcome = self
            .http()
            .post_json(&Request { id, call }, buf, &mut keep)
            .await;
        let result = flat_result(id, out.get(..len).unwrap_or_default());
        match (outcome, result) {
            (Ok(_), result) => Ok(result?),
            // Many nodes send their error object with a status of failure.
            (Err(_), Err(error @ AnswerError::Rpc(_))) => Err(error.into()),
            (Err(error), _) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(answer: &str) -> EnvelopeErrorKind {
        match flat_result(1, answer.as_bytes()) {
            Err(AnswerError::Envelope(error)) => error.what,
            other => panic!("{answer}: {other:?}"),
        }
    }

    #[test]
    fn takes_members_in_any_order_and_skips_others() {
        let answer = br#" {"result":"0x1","extra":{"a":[1]},"id":1,"jsonrpc":"2.0"} "#;
        assert_eq!(flat_result(1, answer), Ok("0x1"));
    }

    #[test]
    fn refuses_what_is_no_answer_to_this_call() {
        assert_eq!(
            kind(r#"{"jsonrpc":"2.0","id":2,"result":"0x1"}"#),
            EnvelopeErrorKind::WrongId
        );
        assert_eq!(
            kind(r#"{"jsonrpc":"2.0","result":"0x1"}"#),
            EnvelopeErrorKind::WrongId
        );
        assert_eq!(
            kind(r#"{"jsonrpc":"1.0","id":1,"result":"0x1"}"#),
            EnvelopeErrorKind::BadVersion
        );
        assert_eq!(
            kind(r#"{"jsonrpc":"2.0","id":1}"#),
            EnvelopeErrorKind::Neither
        );
        let both = r#"{"id":1,"result":"0x1","error":{"code":1,"message":"x"}}"#;
        assert_eq!(kind(both), EnvelopeErrorKind::Both);
        for text in [
            r#"{"id":"1","result":"0x1"}"#,
            r#"{"id":1,"id":1,"result":"0x1"}"#,
            "",
            "[]",
            r#"{"id":1,"result":7}"#,
            r#"{"id":1,"result":"0x1"}x"#,
        ] {
            assert!(matches!(kind(text), EnvelopeErrorKind::Json(_)), "{text}");
        }
    }

    #[test]
    fn gives_the_nodes_own_error() {
        let answer = br#"{"id":null,"error":{"code":-32700,"message":"no","data":"0x"}}"#;
        let Err(AnswerError::Rpc(error)) = flat_result(1, answer) else {
            panic!("an error object")
        };
        assert_eq!(error.code, -32700);
    }
}
