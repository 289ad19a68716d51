//! Reading an answer.

use coracle_core::json::{Event, JsonErrorKind, Reader, Reject, Visitor};

use crate::rpc::client::Answer;
use crate::rpc::error::{AnswerError, EnvelopeError, EnvelopeErrorKind};
use crate::rpc::error_object::ErrorObject;

/// Reads one answer from pieces of any size: checks what surrounds the result and hands
/// the result itself to a visitor as it comes.
///
/// The visitor sees the result as if it stood alone: its outermost value has depth 0.
/// It sees it before the rest of the answer is known, so **what it has gathered counts
/// only once [`Self::finish`] is `Ok`**. An answer may be refused after its result, and a
/// node may send a `null` result before its error.
///
/// Strict: `result`, `error`, `id` and `jsonrpc` at most once, `id` equal to the number
/// of the call (`null` only beside an error), `jsonrpc` exactly `"2.0"` where it is
/// given, exactly one of result and error that is not null (a result alone may be null),
/// one object and nothing after it. Other members are passed over.
///
/// Memory: fewer than 400 bytes, whatever the answer is.
///
/// # Examples
///
/// ```
/// use coracle_core::json::{Event, Reject, Visitor};
/// use coracle_net::rpc::{Answer, Envelope};
///
/// struct Text(String);
///
/// impl Visitor for Text {
///     fn event(&mut self, _depth: usize, event: Event<'_>) -> Result<(), Reject> {
///         match event {
///             Event::StrPart(part) => self.0.push_str(&String::from_utf8_lossy(part)),
///             Event::StrEnd => {}
///             _ => return Err(Reject),
///         }
///         Ok(())
///     }
/// }
///
/// let mut text = Text(String::new());
/// let parts = Answer { result: &mut text, message: None, error_data: &mut [] };
/// let mut envelope = Envelope::new(7, parts);
/// envelope.feed(br#"{"jsonrpc":"2.0","id":7,"result":"0x"#)?;
/// envelope.feed(br#"10"}"#)?;
/// envelope.finish()?;
/// assert_eq!(text.0, "0x10");
/// # Ok::<(), coracle_net::rpc::AnswerError>(())
/// ```
pub struct Envelope<'a> {
    reader: Reader,
    members: Members<'a>,
    received: usize,
    failed: Option<EnvelopeError>,
}

impl<'a> Envelope<'a> {
    /// A reader before the first byte of the answer to call number `id`.
    pub const fn new(id: u32, parts: Answer<'a>) -> Self {
        Self {
            reader: Reader::new(),
            members: Members::new(id, parts),
            received: 0,
            failed: None,
        }
    }

    /// Reads the next piece of the answer.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`] as soon as this cannot become an answer any more; every later
    /// call then returns the same.
    pub fn feed(&mut self, text: &[u8]) -> Result<(), EnvelopeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let outcome = self.reader.feed(text, &mut self.members);
        self.received = self.received.saturating_add(text.len());
        outcome.map_err(|error| {
            let what = match (error.what, self.members.fault) {
                (JsonErrorKind::Rejected, Some(fault)) => fault,
                _ => EnvelopeErrorKind::Json(error),
            };
            *self.failed.insert(EnvelopeError { what, at: error.at })
        })
    }

    /// Says that the answer is at its end.
    ///
    /// # Errors
    ///
    /// Each variant of [`AnswerError`]. Where the node sent an error and the visitor had
    /// refused the result as well, the error counts.
    pub fn finish(mut self) -> Result<(), AnswerError> {
        if let Some(error) = self.failed {
            return Err(error.into());
        }
        let at = self.received;
        self.reader.finish(&mut self.members).map_err(|error| {
            match (error.what, self.members.fault) {
                (JsonErrorKind::Rejected, Some(what)) => EnvelopeError { what, at },
                _ => EnvelopeError {
                    what: EnvelopeErrorKind::Json(error),
                    at,
                },
            }
        })?;
        self.members.finish(at)
    }
}

/// The members that decide.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Member {
    Version,
    Id,
    Result,
    Error,
    Other,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Seen {
    Missing,
    /// The name has come, the value not yet.
    Named,
    Null,
    Value,
}

struct Members<'a> {
    id: u32,
    result: &'a mut dyn Visitor,
    error: ErrorObject<'a>,
    member: Member,
    seen_version: Seen,
    seen_id: Seen,
    seen_result: Seen,
    seen_error: Seen,
    /// What is still to come of the version.
    version: &'static [u8],
    is_rejected: bool,
    fault: Option<EnvelopeErrorKind>,
}

impl<'a> Members<'a> {
    const fn new(id: u32, parts: Answer<'a>) -> Self {
        Self {
            id,
            result: parts.result,
            error: ErrorObject::new(parts.message, parts.error_data),
            member: Member::Other,
            seen_version: Seen::Missing,
            seen_id: Seen::Missing,
            seen_result: Seen::Missing,
            seen_error: Seen::Missing,
            version: b"2.0",
            is_rejected: false,
            fault: None,
        }
    }

    fn finish(&self, at: usize) -> Result<(), AnswerError> {
        let fail = |what| Err(EnvelopeError { what, at }.into());
        let has_error = self.seen_error == Seen::Value;
        match self.seen_id {
            Seen::Value => {}
            Seen::Null if has_error => {}
            _ => return fail(EnvelopeErrorKind::WrongId),
        }
        if has_error {
            if self.seen_result == Seen::Value {
                return fail(EnvelopeErrorKind::Both);
            }
            let error = self.error.finish();
            return Err(match error {
                Ok(error) => AnswerError::Rpc(error),
                Err(what) => EnvelopeError { what, at }.into(),
            });
        }
        if self.seen_result == Seen::Missing {
            return fail(EnvelopeErrorKind::Neither);
        }
        if self.is_rejected {
            return Err(AnswerError::Rejected);
        }
        Ok(())
    }

    fn take(&mut self, depth: usize, event: Event<'_>) -> Result<(), EnvelopeErrorKind> {
        match (depth, event) {
            (0, Event::ObjectStart | Event::ObjectEnd) => return Ok(()),
            (0, Event::ArrayStart) => return Err(EnvelopeErrorKind::Batch),
            (0, _) => return Err(EnvelopeErrorKind::NotObject),
            (1, Event::Key(name)) => return self.begin(name),
            _ => {}
        }
        match self.member {
            Member::Version => self.version(event),
            Member::Id => self.id(event),
            Member::Result => {
                self.result(depth.saturating_sub(1), event);
                Ok(())
            }
            Member::Error => self.error(depth, event),
            Member::Other => Ok(()),
        }
    }

    fn begin(&mut self, name: &[u8]) -> Result<(), EnvelopeErrorKind> {
        // Compared as a whole: a `match` on bytes compares them one by one.
        let members = [
            ("jsonrpc", Member::Version, &mut self.seen_version),
            ("id", Member::Id, &mut self.seen_id),
            ("result", Member::Result, &mut self.seen_result),
            ("error", Member::Error, &mut self.seen_error),
        ];
        let mut members = members.into_iter();
        let found = members.find(|(known, ..)| known.as_bytes() == name);
        let Some((_, member, seen)) = found else {
            self.member = Member::Other;
            return Ok(());
        };
        if *seen != Seen::Missing {
            return Err(EnvelopeErrorKind::Duplicate);
        }
        *seen = Seen::Named;
        self.member = member;
        Ok(())
    }

    fn version(&mut self, event: Event<'_>) -> Result<(), EnvelopeErrorKind> {
        self.version = match event {
            Event::StrPart(part) => self.version.strip_prefix(part),
            Event::StrEnd if self.version.is_empty() => Some(&[][..]),
            _ => None,
        }
        .ok_or(EnvelopeErrorKind::BadVersion)?;
        Ok(())
    }

    fn id(&mut self, event: Event<'_>) -> Result<(), EnvelopeErrorKind> {
        self.seen_id = match event {
            Event::Number(text) if text.parse() == Ok(self.id) => Seen::Value,
            Event::Null => Seen::Null,
            _ => return Err(EnvelopeErrorKind::WrongId),
        };
        Ok(())
    }

    /// Goes on after a refusal: the rest of the answer may hold the node's error, and a
    /// connection that was read to the end can be used again.
    fn result(&mut self, depth: usize, event: Event<'_>) {
        if self.seen_result == Seen::Named {
            self.seen_result = match event {
                Event::Null => Seen::Null,
                _ => Seen::Value,
            };
        }
        if !self.is_rejected {
            self.is_rejected = self.result.event(depth, event).is_err();
        }
    }

    fn error(&mut self, depth: usize, event: Event<'_>) -> Result<(), EnvelopeErrorKind> {
        if depth > 1 {
            return self.error.event(depth.saturating_sub(2), event);
        }
        self.seen_error = match event {
            Event::Null => Seen::Null,
            Event::ObjectStart => {
                self.error.open();
                Seen::Value
            }
            Event::ObjectEnd => Seen::Value,
            _ => return Err(EnvelopeErrorKind::BadError),
        };
        Ok(())
    }
}

impl Visitor for Members<'_> {
    fn event(&mut self, depth: usize, event: Event<'_>) -> Result<(), Reject> {
        self.take(depth, event).map_err(|fault| {
            self.fault = Some(fault);
            Reject
        })
    }
}
