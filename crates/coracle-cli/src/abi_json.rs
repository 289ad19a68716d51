//! ABI values as JSON, in the form of the test vectors.
//!
//! | Solidity | JSON | read | written |
//! | --- | --- | --- | --- |
//! | `uintN`, `intN`, fixed-point | string | decimal, `0x` and digits for unsigned; JSON integers | decimal |
//! | `bool` | bool | | |
//! | `address` | string | `0x` and 40 digits, a mixed-case checksum must be right | lower case |
//! | `bytes`, `bytesN`, `function` | string | `0x` and digits | lower case |
//! | `string` | string | | |
//! | arrays, tuples | array | | |

use std::fmt;

use bumpalo::Bump;
use coracle_core::hex::{self, Hex, HexError};
use coracle_core::{Address, AddressError, Error, ErrorKind, U256, UintError};
use coracle_eth::abi::{
    DecodeError, Decoded, I256, Kind, LogError, LogValue, LogValues, Type, Types, Value, Values,
};
use serde_json::Value as Json;

/// The most work that one decoded answer may take, in units of [`Values::check`].
pub const BUDGET: usize = 1 << 17;

/// Why JSON is not a value of its type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AbiJsonError {
    /// The type wants another JSON type.
    WrongJson {
        /// What it wants.
        expected: &'static str,
    },
    /// An array or a tuple wants another number of members.
    WrongCount {
        /// Members that the type has.
        expected: usize,
        /// Members that the JSON has.
        found: usize,
    },
    /// The number cannot be read.
    BadNumber(UintError),
    /// The bytes cannot be read.
    BadBytes(HexError),
    /// The address cannot be read.
    BadAddress(AddressError),
}

impl fmt::Display for AbiJsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongJson { expected } => write!(f, "{expected} expected"),
            Self::WrongCount { expected, found } => {
                write!(f, "{found} values instead of {expected}")
            }
            Self::BadNumber(cause) => cause.fmt(f),
            Self::BadBytes(cause) => cause.fmt(f),
            Self::BadAddress(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for AbiJsonError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::BadNumber(cause) => Some(cause),
            Self::BadBytes(cause) => Some(cause),
            Self::BadAddress(cause) => Some(cause),
            Self::WrongJson { .. } | Self::WrongCount { .. } => None,
        }
    }
}

impl Error for AbiJsonError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Caller
    }
}

/// Reads the values of a parameter list: an array of as many as the tuple `ty` has
/// members, or one value of any other type. Widths and lengths are left to
/// [`Params::new`](coracle_eth::abi::Params::new).
///
/// # Errors
///
/// Each variant of [`AbiJsonError`].
pub fn to_params<'a>(
    ty: Type<'_>,
    json: &'a Json,
    arena: &'a Bump,
) -> Result<&'a [Value<'a>], AbiJsonError> {
    match ty.kind() {
        Kind::Tuple(types) => to_list(types, json, arena),
        _ => Ok(std::slice::from_ref(
            arena.alloc(to_value(ty, json, arena)?),
        )),
    }
}

/// Reads one value of type `ty`.
///
/// # Errors
///
/// Each variant of [`AbiJsonError`].
pub fn to_value<'a>(
    ty: Type<'_>,
    json: &'a Json,
    arena: &'a Bump,
) -> Result<Value<'a>, AbiJsonError> {
    Ok(match ty.kind() {
        Kind::Uint { .. } => Value::Uint(to_uint(&digits(json)?)?),
        Kind::Int { .. } => Value::Int(I256::from_decimal(&digits(json)?).map_err(bad_number)?),
        Kind::Bool => Value::Bool(json.as_bool().ok_or(wrong("true or false"))?),
        Kind::Address => Value::Address(to_address(text(json)?)?),
        Kind::FixedBytes { .. } => Value::FixedBytes(to_bytes(text(json)?, arena)?),
        Kind::Bytes => Value::from(to_bytes(text(json)?, arena)?),
        Kind::String => Value::String(text(json)?),
        Kind::Array { element, len } => {
            let found = json.as_array().map_or(0, Vec::len);
            let types = Types::repeat(element, len.unwrap_or(found));
            Value::Array(to_list(types, json, arena)?)
        }
        Kind::Tuple(types) => Value::Tuple(to_list(types, json, arena)?),
    })
}

fn to_list<'a>(
    types: Types<'_>,
    json: &'a Json,
    arena: &'a Bump,
) -> Result<&'a [Value<'a>], AbiJsonError> {
    let members = json.as_array().ok_or(wrong("an array"))?;
    let (expected, found) = (types.len(), members.len());
    if expected != found {
        return Err(AbiJsonError::WrongCount { expected, found });
    }
    let values = types
        .zip(members)
        .map(|(ty, json)| to_value(ty, json, arena));
    let values = values.collect::<Result<Vec<_>, _>>()?;
    Ok(arena.alloc_slice_copy(&values))
}

/// The text of a number, which JSON integers are too.
fn digits(json: &Json) -> Result<String, AbiJsonError> {
    match json {
        Json::String(text) => Ok(text.clone()),
        Json::Number(number) if !number.is_f64() => Ok(number.to_string()),
        _ => Err(wrong("a decimal string")),
    }
}

fn to_uint(text: &str) -> Result<U256, AbiJsonError> {
    let value = if text.starts_with("0x") {
        U256::from_quantity(text)
    } else {
        U256::from_decimal(text)
    };
    value.map_err(bad_number)
}

fn to_address(text: &str) -> Result<Address, AbiJsonError> {
    text.parse().map_err(AbiJsonError::BadAddress)
}

fn to_bytes<'a>(text: &str, arena: &'a Bump) -> Result<&'a [u8], AbiJsonError> {
    let out = arena.alloc_slice_fill_copy(text.len() / 2, 0);
    let len = hex::decode_into(text, out).map_err(AbiJsonError::BadBytes)?;
    Ok(&out[..len])
}

fn text(json: &Json) -> Result<&str, AbiJsonError> {
    json.as_str().ok_or(wrong("a string"))
}

fn wrong(expected: &'static str) -> AbiJsonError {
    AbiJsonError::WrongJson { expected }
}

fn bad_number(cause: UintError) -> AbiJsonError {
    AbiJsonError::BadNumber(cause)
}

/// Decodes all of `values` into an array.
///
/// # Errors
///
/// [`DecodeError`] if the data is malformed, or takes more than [`BUDGET`].
pub fn to_json(values: Values<'_>) -> Result<Json, DecodeError> {
    values.check(BUDGET)?;
    list(values)
}

/// Decodes all of a log's parameters into an array, those known by hash as their topic.
///
/// # Errors
///
/// [`LogError`] if topics or data are malformed, or the data takes more than
/// [`BUDGET`].
pub fn log_to_json(values: LogValues<'_>) -> Result<Json, LogError> {
    let mut budget = BUDGET;
    let members = values.map(|value| match value? {
        LogValue::Hash(hash) => Ok(Json::String(hash.to_string())),
        LogValue::Decoded(value) => {
            if let Some(members) = value.as_values() {
                budget -= members.check(budget).map_err(LogError::Data)?;
            }
            scalar_or_list(value).map_err(LogError::Data)
        }
    });
    members.collect::<Result<Vec<_>, _>>().map(Json::Array)
}

fn list(values: Values<'_>) -> Result<Json, DecodeError> {
    let members = values.map(|value| scalar_or_list(value?));
    members.collect::<Result<Vec<_>, _>>().map(Json::Array)
}

fn scalar_or_list(value: Decoded<'_>) -> Result<Json, DecodeError> {
    Ok(match value {
        Decoded::Uint(value) => Json::String(value.to_string()),
        Decoded::Int(value) => Json::String(value.to_string()),
        Decoded::Bool(value) => Json::Bool(value),
        Decoded::Address(value) => Json::String(format!("{value:x}")),
        Decoded::FixedBytes(bytes) | Decoded::Bytes(bytes) => Json::String(Hex(bytes).to_string()),
        Decoded::String(text) => Json::String(text.to_owned()),
        Decoded::Array(values) | Decoded::Tuple(values) => list(values)?,
    })
}
