//! Why a record could not be made, read or believed.

use core::fmt;

use coracle_core::{Error, ErrorKind, ecdsa::SignatureError};

/// Why a record could not be made from the caller's values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RecordError {
    /// A device id has no bytes or more than `max`.
    DeviceIdLength {
        /// The most bytes that a device id has.
        max: usize,
    },
    /// A name is empty, longer than `max` bytes, or has a character that SenML names
    /// do not have.
    BadName {
        /// The most bytes that a name has.
        max: usize,
    },
    /// A unit is empty, longer than `max` bytes, or has a character that is no
    /// printable ASCII.
    BadUnit {
        /// The most bytes that a unit has.
        max: usize,
    },
    /// The exponent of a decimal is outside `min..=max`.
    ExponentOutOfRange {
        /// The least exponent.
        min: i8,
        /// The greatest exponent.
        max: i8,
    },
    /// A record has no reading or more than `max`; split the batch.
    ReadingCount {
        /// The most readings of one record.
        max: usize,
    },
    /// Sequence 0 goes with a previous hash of all zero, and no other sequence does.
    BadPlace,
    /// The numbers of this device are used up.
    SequenceExhausted,
    /// The signed record is not the one that this recorder waits for.
    NotNext,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeviceIdLength { max } => write!(f, "device id not 1 to {max} bytes long"),
            Self::BadName { max } => {
                write!(
                    f,
                    "name not 1 to {max} of A-Z a-z 0-9 - : . / _ after a letter or digit"
                )
            }
            Self::BadUnit { max } => write!(f, "unit not 1 to {max} printable ASCII characters"),
            Self::ExponentOutOfRange { min, max } => {
                write!(f, "exponent not within {min} to {max}")
            }
            Self::ReadingCount { max } => write!(f, "not 1 to {max} readings in a record"),
            Self::BadPlace => {
                f.write_str("sequence 0 without a zero previous hash, or the reverse")
            }
            Self::SequenceExhausted => f.write_str("no sequence number left"),
            Self::NotNext => f.write_str("signed record is not the next of this recorder"),
        }
    }
}

impl core::error::Error for RecordError {}

impl Error for RecordError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Caller
    }
}

/// Bytes are no record or bundle: what is wrong, and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FormatError {
    /// Offset in bytes of the item at fault, from the start of the slice given.
    pub offset: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with an item of a record or bundle.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Fault {
    /// The bytes end within the item.
    Truncated,
    /// Bytes follow where the format ends.
    TrailingBytes,
    /// Another CBOR type than the format has here; floats always are.
    WrongType,
    /// The item has an indefinite length.
    Indefinite,
    /// A number or length has a shorter form (RFC 8949 section 4.2.1).
    NotShortest,
    /// Another tag than the format has here.
    WrongTag,
    /// A string, array or map is longer or shorter than the format allows.
    WrongLength,
    /// A number is outside the range of its field.
    OutOfRange,
    /// Another map key than `expected`: unknown, repeated, missing or out of order.
    WrongKey {
        /// The key that the format has here.
        expected: u8,
    },
    /// A version of the format that this crate does not know.
    UnknownVersion,
    /// A COSE algorithm that this crate does not know.
    UnknownAlgorithm,
    /// Text is not UTF-8 or has a character that its field does not allow.
    BadText,
    /// A value that is left out when it has its default is written out.
    NotOmitted,
    /// Sequence 0 without a zero previous hash, or the reverse.
    BadPlace,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "truncated",
            Self::TrailingBytes => "trailing bytes",
            Self::WrongType => "wrong type",
            Self::Indefinite => "indefinite length",
            Self::NotShortest => "not in its shortest form",
            Self::WrongTag => "wrong tag",
            Self::WrongLength => "wrong length",
            Self::OutOfRange => "number out of range",
            Self::WrongKey { expected } => return write!(f, "map key is not {expected}"),
            Self::UnknownVersion => "unknown version",
            Self::UnknownAlgorithm => "unknown algorithm",
            Self::BadText => "bad character",
            Self::NotOmitted => "default value not left out",
            Self::BadPlace => "sequence and previous hash contradict each other",
        })
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.fault, self.offset)
    }
}

impl core::error::Error for FormatError {}

impl Error for FormatError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Remote
    }
}

/// Why a well-formed record is not the word of the key given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum VerifyError {
    /// The record names another algorithm than the key's.
    OtherAlgorithm,
    /// The record names another key; try the key with that id.
    OtherKey,
    /// The signature does not belong to record and key, or has a high `s`.
    BadSignature(SignatureError),
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherAlgorithm => f.write_str("record names another algorithm than the key's"),
            Self::OtherKey => f.write_str("record names another key"),
            Self::BadSignature(cause) => cause.fmt(f),
        }
    }
}

impl core::error::Error for VerifyError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::BadSignature(cause) => Some(cause),
            _ => None,
        }
    }
}

impl Error for VerifyError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Remote
    }
}

impl From<SignatureError> for VerifyError {
    fn from(cause: SignatureError) -> Self {
        Self::BadSignature(cause)
    }
}
