//! Logs.

use core::fmt;

use coracle_core::{B256, Error, ErrorKind};

use super::{DecodeError, DecodeErrorKind, Decoded, Signature, Type, Types, decode::Input};

/// The most topics of a log.
const MAX_TOPICS: usize = 4;

/// Why an event cannot be described so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum EventError {
    /// There is not one `indexed` flag for each parameter.
    WrongCount {
        /// Parameters of the signature.
        expected: usize,
        /// Flags given.
        found: usize,
    },
    /// More parameters are indexed than a log has topics for.
    TooManyIndexed {
        /// The most that can be.
        max: usize,
    },
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongCount { expected, found } => {
                write!(f, "{found} indexed flags for {expected} parameters")
            }
            Self::TooManyIndexed { max } => write!(f, "more than {max} indexed parameters"),
        }
    }
}

impl core::error::Error for EventError {}

impl Error for EventError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Caller
    }
}

/// Why a log is not one of this event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LogError {
    /// The log has another number of topics.
    TopicCount {
        /// Topics that the event has.
        expected: usize,
        /// Topics that the log has.
        found: usize,
    },
    /// The first topic names another event.
    WrongEvent,
    /// A topic is not a value of its type.
    Topic {
        /// Which one, from 0.
        index: usize,
        /// What is wrong with it.
        what: DecodeErrorKind,
    },
    /// The data is not an encoding of the other parameters.
    Data(DecodeError),
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TopicCount { expected, found } => {
                write!(f, "{found} topics instead of {expected}")
            }
            Self::WrongEvent => f.write_str("another event"),
            Self::Topic { index, what } => write!(f, "topic {index}: {what}"),
            Self::Data(cause) => write!(f, "data: {cause}"),
        }
    }
}

impl core::error::Error for LogError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Data(cause) => Some(cause),
            _ => None,
        }
    }
}

impl Error for LogError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Remote
    }
}

/// An event: its signature, and which parameters are indexed.
///
/// # Examples
///
/// ```
/// use coracle_core::{B256, U256};
/// use coracle_eth::abi::{Event, LogValue, Signature};
///
/// let signature = Signature::parse("Paid(address,uint256)")?;
/// let event = Event::new(signature, &[true, false])?;
/// let topics = [signature.topic0(), B256::ZERO];
/// let mut values = event.decode(&topics, &[0; 32])?;
/// assert!(matches!(values.next(), Some(Ok(LogValue::Decoded(value))) if value.as_address().is_some()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    signature: Signature<'a>,
    indexed: &'a [bool],
    is_anonymous: bool,
}

impl<'a> Event<'a> {
    /// An event whose first topic is the hash of its signature; one `indexed` flag for
    /// each parameter.
    ///
    /// # Errors
    ///
    /// Each variant of [`EventError`].
    pub fn new(signature: Signature<'a>, indexed: &'a [bool]) -> Result<Self, EventError> {
        Self {
            signature,
            indexed,
            is_anonymous: false,
        }
        .checked()
    }

    /// An event declared `anonymous`: all its topics are indexed parameters, nothing in
    /// a log says which event it is.
    ///
    /// # Errors
    ///
    /// Each variant of [`EventError`].
    pub fn anonymous(signature: Signature<'a>, indexed: &'a [bool]) -> Result<Self, EventError> {
        Self {
            signature,
            indexed,
            is_anonymous: true,
        }
        .checked()
    }

    fn checked(self) -> Result<Self, EventError> {
        let expected = self.signature.params().params().len();
        let found = self.indexed.len();
        if expected != found {
            return Err(EventError::WrongCount { expected, found });
        }
        if self.topic_count() > MAX_TOPICS {
            let max = MAX_TOPICS.saturating_sub(usize::from(!self.is_anonymous));
            return Err(EventError::TooManyIndexed { max });
        }
        Ok(self)
    }

    /// The first topic, which an anonymous event has not.
    pub fn topic0(&self) -> Option<B256> {
        (!self.is_anonymous).then(|| self.signature.topic0())
    }

    fn topic_count(&self) -> usize {
        let indexed = self.indexed.iter().filter(|indexed| **indexed).count();
        indexed.saturating_add(usize::from(!self.is_anonymous))
    }

    /// Views a log as this event. Its values are checked when they are read.
    ///
    /// # Errors
    ///
    /// [`LogError::TopicCount`], [`LogError::WrongEvent`], or [`LogError::Data`] if the
    /// data is shorter than the heads of its values.
    pub fn decode(self, topics: &'a [B256], data: &'a [u8]) -> Result<LogValues<'a>, LogError> {
        let (expected, found) = (self.topic_count(), topics.len());
        if expected != found {
            return Err(LogError::TopicCount { expected, found });
        }
        if self
            .topic0()
            .is_some_and(|topic| topics.first() != Some(&topic))
        {
            return Err(LogError::WrongEvent);
        }
        let values = LogValues {
            types: self.signature.params().params(),
            indexed: self.indexed,
            topics,
            topic: usize::from(!self.is_anonymous),
            data: Input(data),
            head: 0,
        };
        if values.head_len() > data.len() {
            return Err(LogError::Data(DecodeError {
                what: DecodeErrorKind::Truncated,
                at: 0,
            }));
        }
        Ok(values)
    }
}

/// A parameter of a log.
#[derive(Clone, Copy, Debug)]
pub enum LogValue<'a> {
    /// Its value.
    Decoded(Decoded<'a>),
    /// Its hash, which is all that a log keeps of an indexed `bytes`, `string`, array or
    /// tuple.
    Hash(B256),
}

/// The parameters of a log in the order of their declaration, decoded one at a time.
///
/// An error concerns one parameter; the next call gives the one after it.
#[derive(Clone, Copy, Debug)]
pub struct LogValues<'a> {
    types: Types<'a>,
    indexed: &'a [bool],
    topics: &'a [B256],
    /// Index of the next topic.
    topic: usize,
    data: Input<'a>,
    /// Where the next head in the data starts.
    head: usize,
}

impl<'a> LogValues<'a> {
    /// Length of the heads in the data.
    fn head_len(&self) -> usize {
        let in_data = self
            .types
            .zip(self.indexed)
            .filter(|(_, indexed)| !**indexed);
        in_data
            .map(|(ty, _)| ty.head_len())
            .fold(0, usize::saturating_add)
    }

    fn topic_value(&mut self, ty: Type<'a>) -> Option<Result<LogValue<'a>, LogError>> {
        let index = self.topic;
        self.topic = index.saturating_add(1);
        let topic = self.topics.get(index)?;
        if !ty.fits_topic() {
            return Some(Ok(LogValue::Hash(*topic)));
        }
        let value = Input(topic.as_bytes()).value(ty, 0, 0);
        let error = |error: DecodeError| LogError::Topic {
            index,
            what: error.what,
        };
        Some(value.map(LogValue::Decoded).map_err(error))
    }

    fn data_value(&mut self, ty: Type<'a>) -> Result<LogValue<'a>, LogError> {
        let head = self.head;
        self.head = head.saturating_add(ty.head_len());
        let value = self.data.value(ty, 0, head);
        value.map(LogValue::Decoded).map_err(LogError::Data)
    }
}

impl<'a> Iterator for LogValues<'a> {
    type Item = Result<LogValue<'a>, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (indexed, rest) = self.indexed.split_first()?;
        self.indexed = rest;
        let ty = self.types.next()?;
        if *indexed {
            self.topic_value(ty)
        } else {
            Some(self.data_value(ty))
        }
    }
}
