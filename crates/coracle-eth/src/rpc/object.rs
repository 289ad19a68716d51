//! Reading the members of an object that are wanted, past those that are not.

use core::marker::PhantomData;

use coracle_core::json::{Event, Reject, Visitor};
use coracle_core::{Address, B256, U256};

use super::{Answer, AnswerError, Hash, Quantity, Scalar};
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

pub(super) enum Value<'a> {
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

/// The form of a member's value; each fits a word of 32 bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// A [`struct@Hash`].
    Hash,
    /// A [`Quantity`](super::Quantity) of 64 bits.
    Number,
    /// A [`Quantity`](super::Quantity).
    Quantity,
    /// An address in the chain's form.
    Address,
}

/// The most members that are wanted of an object.
const MAX_MEMBERS: usize = 8;

/// The members of an object that came, as words.
#[derive(Debug)]
pub struct Words {
    names: &'static [&'static str],
    words: [Option<[u8; 32]>; MAX_MEMBERS],
}

impl Words {
    fn word(&self, name: &str) -> Option<&[u8; 32]> {
        let at = self.names.iter().position(|known| *known == name)?;
        self.words.get(at)?.as_ref()
    }

    /// A hash that must be there.
    pub(super) fn hash(&self, name: &'static str) -> Result<B256, AnswerError> {
        required(name, self.optional_hash(name))
    }

    pub(super) fn optional_hash(&self, name: &str) -> Option<B256> {
        self.word(name).copied().map(B256)
    }

    /// A number that must be there.
    pub(super) fn number(&self, name: &'static str) -> Result<u64, AnswerError> {
        let number = required(name, self.quantity(name))?;
        // It was held against 64 bits before.
        Ok(number.try_into().unwrap_or(u64::MAX))
    }

    pub(super) fn quantity(&self, name: &str) -> Option<U256> {
        self.word(name).map(U256::from_be_bytes)
    }

    pub(super) fn address(&self, name: &str) -> Option<Address> {
        self.word(name).map(Address::from_word)
    }
}

/// The members of one kind of object.
pub trait Fields {
    /// Names of the members that are wanted; at most 8.
    const NAMES: &'static [&'static str];

    /// The form of each.
    const FORMS: &'static [Form];

    /// What they make.
    type Output;

    /// Checks that all is there.
    ///
    /// # Errors
    ///
    /// [`AnswerError::MissingField`] or [`AnswerError::BadField`].
    fn finish(words: &Words) -> Result<Self::Output, AnswerError>;
}

/// Reads a result that is an object or null; skips what it does not want.
#[derive(Debug)]
pub struct ObjectAnswer<F> {
    reader: Reader,
    fields: PhantomData<F>,
}

impl<F: Fields> Default for ObjectAnswer<F> {
    fn default() -> Self {
        Self::with_form(AddressForm::Hex)
    }
}

impl<F: Fields> ObjectAnswer<F> {
    pub(super) fn with_form(form: AddressForm) -> Self {
        const { assert!(F::NAMES.len() == F::FORMS.len() && F::NAMES.len() <= MAX_MEMBERS) };
        Self {
            reader: Reader::new(form, F::NAMES, F::FORMS),
            fields: PhantomData,
        }
    }
}

impl<F> Visitor for ObjectAnswer<F> {
    fn event(&mut self, depth: usize, event: Event<'_>) -> Result<(), Reject> {
        self.reader.event(depth, event)
    }
}

impl<F: Fields> Answer for ObjectAnswer<F> {
    type Output = Option<F::Output>;

    fn finish(self) -> Result<Option<F::Output>, AnswerError> {
        match self.reader.is_object()? {
            true => F::finish(&self.reader.words).map(Some),
            false => Ok(None),
        }
    }
}

/// Reads an object of any kind: one piece of code for all of them.
#[derive(Debug)]
struct Reader {
    form: AddressForm,
    forms: &'static [Form],
    words: Words,
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

impl Reader {
    const fn new(
        form: AddressForm,
        names: &'static [&'static str],
        forms: &'static [Form],
    ) -> Self {
        Self {
            form,
            forms,
            words: Words {
                names,
                words: [None; MAX_MEMBERS],
            },
            members: Members::new(names),
            shape: Shape::Unknown,
            error: None,
        }
    }

    fn event(&mut self, depth: usize, event: Event<'_>) -> Result<(), Reject> {
        self.take(depth, event).map_err(|error| {
            self.error = Some(error);
            Reject
        })
    }

    fn take(&mut self, depth: usize, event: Event<'_>) -> Result<(), AnswerError> {
        match (depth, event) {
            (0, Event::Null) => self.shape = Shape::Null,
            (0, Event::ObjectStart) => self.shape = Shape::Object,
            (0, Event::ObjectEnd) => {}
            (0, _) => return Err(AnswerError::BadShape),
            (1, event) => {
                if let Some((name, value)) = self.members.event(event)? {
                    return self.words.set(name, value, self.forms, self.form);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the answer is an object, and not null.
    fn is_object(&self) -> Result<bool, AnswerError> {
        match (self.error, &self.shape) {
            (Some(error), _) => Err(error),
            (None, Shape::Unknown) => Err(AnswerError::BadShape),
            (None, shape) => Ok(*shape == Shape::Object),
        }
    }
}

impl Words {
    fn set(
        &mut self,
        name: &'static str,
        value: Value<'_>,
        forms: &[Form],
        form: AddressForm,
    ) -> Result<(), AnswerError> {
        let bad = AnswerError::BadField { name };
        let text = match value {
            Value::Null => return Ok(()),
            Value::Text(text) => text,
            Value::Bool(_) => return Err(bad),
        };
        let at = self.names.iter().position(|known| *known == name);
        let at = at.unwrap_or(MAX_MEMBERS);
        let word = forms.get(at).and_then(|kind| kind.parse(text, form));
        if let Some(to) = self.words.get_mut(at) {
            *to = Some(word.ok_or(bad)?);
        }
        Ok(())
    }
}

impl Form {
    /// The value as a word.
    fn parse(self, text: &str, form: AddressForm) -> Option<[u8; 32]> {
        match self {
            Self::Hash => Some(Hash::parse(text)?.0),
            Self::Address => {
                let mut word = [0; 32];
                *word.last_chunk_mut()? = form.parse(text)?.0;
                Some(word)
            }
            Self::Number | Self::Quantity => {
                let number = Quantity::parse(text)?;
                let fits = self == Self::Quantity || number.bits() <= u64::BITS;
                fits.then(|| number.to_be_bytes())
            }
        }
    }
}
