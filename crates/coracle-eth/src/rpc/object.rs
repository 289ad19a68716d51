//! Reading the members of an object that are wanted, past those that are not.

use coracle_core::Address;
use coracle_core::json::{Event, Reject, Visitor};

use super::{Answer, AnswerError, Scalar};
use crate::profile::AddressForm;

/// The longest scalar: a hash with its prefix, or a bech32 text.
const MAX_TEXT: usize = 90;

/// A short text that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Text {
    text: heapless::Vec<u8, MAX_TEXT>,
    is_too_long: bool,
}

impl Text {
    pub(super) fn push(&mut self, part: &[u8]) {
        self.is_too_long |= self.text.extend_from_slice(part).is_err();
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.is_too_long = false;
    }

    /// The text, or `None` if it is too long or not UTF-8.
    pub(super) fn as_str(&self) -> Option<&str> {
        let text = core::str::from_utf8(&self.text).ok()?;
        (!self.is_too_long).then_some(text)
    }
}

/// One member's value.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "named as in JSON")]
pub enum Value<'a> {
    Text(&'a str),
    Bool(bool),
    Null,
}

impl Value<'_> {
    pub(super) fn address(
        self,
        name: &'static str,
        form: Option<AddressForm>,
    ) -> Result<Option<Address>, AnswerError> {
        match self {
            Value::Null => Ok(None),
            Value::Text(text) => form
                .unwrap_or(AddressForm::Hex)
                .parse(text)
                .map(Some)
                .ok_or(AnswerError::BadField { name }),
            Value::Bool(_) => Err(AnswerError::BadField { name }),
        }
    }

    pub(super) fn bool(self, name: &'static str) -> Result<bool, AnswerError> {
        match self {
            Value::Bool(value) => Ok(value),
            _ => Err(AnswerError::BadField { name }),
        }
    }

    /// The scalar, `None` for null.
    pub(super) fn optional<S: Scalar>(
        self,
        name: &'static str,
    ) -> Result<Option<S::Value>, AnswerError> {
        match self {
            Value::Null => Ok(None),
            Value::Text(text) => S::parse(text)
                .map(Some)
                .ok_or(AnswerError::BadField { name }),
            Value::Bool(_) => Err(AnswerError::BadField { name }),
        }
    }
}

/// Follows one object at a known depth and picks members by name.
#[derive(Debug)]
pub(super) struct Members {
    names: &'static [&'static str],
    /// Index of the member whose value comes next.
    current: Option<usize>,
    /// One bit a member.
    seen: u32,
    text: Text,
}

impl Members {
    /// Wants these members; at most 32.
    pub(super) const fn new(names: &'static [&'static str]) -> Self {
        Self {
            names,
            current: None,
            seen: 0,
            text: Text {
                text: heapless::Vec::new(),
                is_too_long: false,
            },
        }
    }

    pub(super) fn reset(&mut self) {
        *self = Self::new(self.names);
    }

    /// The member whose value is being read.
    fn current(&self) -> Option<&'static str> {
        self.names.get(self.current?).copied()
    }

    /// Takes an event at the depth of the members; gives a wanted member's name and
    /// value once it is whole. A wanted member is a scalar.
    pub(super) fn event(
        &mut self,
        event: Event<'_>,
    ) -> Result<Option<(&'static str, Value<'_>)>, AnswerError> {
        match event {
            Event::Key(name) => self.key(name)?,
            Event::StrPart(part) if self.current.is_some() => self.text.push(part),
            Event::StrEnd => {
                let Some(name) = self.take() else {
                    return Ok(None);
                };
                let text = self.text.as_str().ok_or(AnswerError::BadField { name })?;
                return Ok(Some((name, Value::Text(text))));
            }
            Event::Bool(value) => return Ok(self.take().map(|name| (name, Value::Bool(value)))),
            Event::Null => return Ok(self.take().map(|name| (name, Value::Null))),
            Event::Number(_) | Event::ObjectStart | Event::ArrayStart => {
                if let Some(name) = self.take() {
                    return Err(AnswerError::BadField { name });
                }
            }
            _ => {}
        }
        Ok(None)
    }

    fn take(&mut self) -> Option<&'static str> {
        let name = self.current();
        self.current = None;
        name
    }

    fn key(&mut self, key: &[u8]) -> Result<(), AnswerError> {
        self.text.clear();
        self.current = self.names.iter().position(|name| name.as_bytes() == key);
        let (Some(index), Some(name)) = (self.current, self.current()) else {
            return Ok(());
        };
        let bit = u32::try_from(index)
            .ok()
            .and_then(|shift| 1_u32.checked_shl(shift));
        let bit = bit.unwrap_or_default();
        if self.seen & bit != 0 {
            return Err(AnswerError::RepeatedField { name });
        }
        self.seen |= bit;
        Ok(())
    }
}

/// What must be there.
pub(super) fn required<T>(name: &'static str, value: Option<T>) -> Result<T, AnswerError> {
    value.ok_or(AnswerError::MissingField { name })
}

/// The members of one kind of object.
pub trait Fields {
    /// Names of the members that are wanted; at most 32.
    const NAMES: &'static [&'static str];

    /// What they make.
    type Output;

    /// Takes the value of a member of [`NAMES`](Self::NAMES).
    ///
    /// # Errors
    ///
    /// [`AnswerError::BadField`].
    fn set(&mut self, name: &'static str, value: Value<'_>) -> Result<(), AnswerError>;

    /// Checks that all is there.
    ///
    /// # Errors
    ///
    /// [`AnswerError::MissingField`] or [`AnswerError::BadField`].
    fn finish(self) -> Result<Self::Output, AnswerError>;
}

/// Reads a result that is an object or null; skips what it does not want.
#[derive(Debug)]
pub struct ObjectAnswer<F> {
    fields: F,
    members: Members,
    shape: Shape,
    error: Option<AnswerError>,
}

#[derive(Debug, Eq, PartialEq)]
enum Shape {
    Unknown,
    Null,
    Object,
}

impl<F: Fields + Default> Default for ObjectAnswer<F> {
    fn default() -> Self {
        Self::with_fields(F::default())
    }
}

impl<F: Fields> ObjectAnswer<F> {
    pub(super) fn with_fields(fields: F) -> Self {
        let members = Members::new(F::NAMES);
        Self {
            fields,
            members,
            shape: Shape::Unknown,
            error: None,
        }
    }

    fn take(&mut self, depth: usize, event: Event<'_>) -> Result<(), AnswerError> {
        match (depth, event) {
            (0, Event::Null) => self.shape = Shape::Null,
            (0, Event::ObjectStart) => self.shape = Shape::Object,
            (0, Event::ObjectEnd) => {}
            (0, _) => return Err(AnswerError::BadShape),
            (1, event) => {
                if let Some((name, value)) = self.members.event(event)? {
                    self.fields.set(name, value)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl<F: Fields> Visitor for ObjectAnswer<F> {
    fn event(&mut self, depth: usize, event: Event<'_>) -> Result<(), Reject> {
        self.take(depth, event).map_err(|error| {
            self.error = Some(error);
            Reject
        })
    }
}

impl<F: Fields> Answer for ObjectAnswer<F> {
    type Output = Option<F::Output>;

    fn finish(self) -> Result<Option<F::Output>, AnswerError> {
        match (self.error, self.shape) {
            (Some(error), _) => Err(error),
            (None, Shape::Unknown) => Err(AnswerError::BadShape),
            (None, Shape::Null) => Ok(None),
            (None, Shape::Object) => self.fields.finish().map(Some),
        }
    }
}
