//! Calls over HTTP.

use core::fmt;

use coracle_core::json::Visitor;

use crate::connect::Connect;
use crate::http::{HttpClient, HttpError, ResponseErrorKind, Stop};
use crate::rpc::envelope::Envelope;
use crate::rpc::error::{AnswerError, CallError, ErrorText};
use crate::rpc::request::{Call, Request};

/// Where the parts of an answer go.
pub struct Answer<'a> {
    /// Takes the result as it comes; see [`Envelope`] for when it counts.
    pub result: &'a mut dyn Visitor,
    /// Takes the start of the message of an error object. Emptied once one comes, and as
    /// it was where none does.
    pub message: Option<&'a mut ErrorText>,
    /// Takes the payload of an error object, such as a revert reason, as far as it fits;
    /// its length is in [`RpcError::data_len`](crate::rpc::RpcError::data_len). May be
    /// empty.
    pub error_data: &'a mut [u8],
}

/// Calls methods of one node, one after the other, and numbers the calls.
pub struct RpcClient<'s, S: Connect + 's> {
    http: HttpClient<'s, S>,
    next_id: u32,
}

impl<'s, S: Connect> RpcClient<'s, S> {
    /// A client whose first call has the number 1.
    pub const fn new(http: HttpClient<'s, S>) -> Self {
        Self { http, next_id: 1 }
    }

    /// Calls a method; `Ok` once the whole answer is checked and holds a result.
    ///
    /// `buf` is the working buffer of [`HttpClient::post_json`]. What `answer.result`
    /// gathered counts only where this is `Ok`.
    ///
    /// Many nodes send their error object with an HTTP status of failure: it is then
    /// the error object that is returned, and the status only where there is none.
    ///
    /// # Errors
    ///
    /// Each variant of [`CallError`].
    ///
    /// # Cancel safety
    ///
    /// That of [`HttpClient::post_json`]. The number is used up.
    pub async fn call(
        &mut self,
        call: Call<'_>,
        answer: Answer<'_>,
        buf: &mut [u8],
    ) -> Result<(), CallError<S::Error>> {
        let id = self.take_id();
        let request = Request { id, call };
        let mut envelope = Envelope::new(id, answer);
        let mut out = |piece: &[u8]| envelope.feed(piece).map_err(|_| Stop);
        let outcome = self.http.post_json(&request, buf, &mut out).await;
        conclude(outcome.map(|_| ()), envelope)
    }

    /// The number of the next call.
    pub(super) const fn take_id(&mut self) -> u32 {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        id
    }

    /// The HTTP client, to turn to another node or to close the connection.
    pub const fn http(&mut self) -> &mut HttpClient<'s, S> {
        &mut self.http
    }
}

impl<S: Connect> fmt::Debug for RpcClient<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcClient")
            .field("http", &self.http)
            .field("next_id", &self.next_id)
            .finish()
    }
}

fn conclude<E>(
    outcome: Result<(), HttpError<E>>,
    envelope: Envelope<'_>,
) -> Result<(), CallError<E>> {
    match outcome {
        Ok(()) => Ok(envelope.finish()?),
        Err(HttpError::Response(error)) if error.what == ResponseErrorKind::Stopped => {
            // The envelope alone stops, so it knows why.
            envelope.finish()?;
            Err(HttpError::Response(error).into())
        }
        Err(error @ HttpError::Status { .. }) => match envelope.finish() {
            Err(AnswerError::Rpc(rpc)) => Err(AnswerError::Rpc(rpc).into()),
            _ => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}
