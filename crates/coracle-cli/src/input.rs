//! The fields of one JSON object, each read as what it has to be.

use std::path::Path;

use coracle_core::hex::{self, HexError};
use coracle_core::{Address, B256, U256};
use serde_json::{Map, Value as Json};
use zeroize::Zeroizing;

use crate::failure::{Failure, Within};

/// One object: a line of JSON Lines, or what the arguments of a command say.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a>(pub(crate) &'a Map<String, Json>);

impl<'a> Input<'a> {
    /// A field that may be missing; null is missing.
    pub(crate) fn get(self, name: &str) -> Option<&'a Json> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn has(self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn json(self, name: &str) -> Result<&'a Json, Failure> {
        self.get(name)
            .ok_or_else(|| Failure::new("missing-field", format!("{name} is missing")))
    }

    pub(crate) fn text(self, name: &str) -> Result<&'a str, Failure> {
        self.json(name)?
            .as_str()
            .ok_or_else(|| wrong(name, "a string"))
    }

    pub(crate) fn flag(self, name: &str) -> Result<bool, Failure> {
        match self.get(name) {
            None => Ok(false),
            Some(value) => to_flag(value).ok_or_else(|| wrong(name, "true or false")),
        }
    }

    pub(crate) fn list(self, name: &str) -> Result<&'a [Json], Failure> {
        let list = self.json(name)?.as_array();
        list.map(Vec::as_slice)
            .ok_or_else(|| wrong(name, "an array"))
    }

    pub(crate) fn bytes(self, name: &str) -> Result<Vec<u8>, Failure> {
        to_bytes(self.text(name)?).within(name)
    }

    /// A secret of 32 bytes.
    pub(crate) fn secret(self, name: &str) -> Result<Zeroizing<[u8; 32]>, Failure> {
        let bytes = hex::decode_array(self.text(name)?).within(name)?;
        Ok(Zeroizing::new(bytes))
    }

    pub(crate) fn address(self, name: &str) -> Result<Address, Failure> {
        self.text(name)?.parse::<Address>().within(name)
    }

    /// A number: `0x` and digits, decimal digits, or a JSON integer.
    pub(crate) fn uint(self, name: &str) -> Result<U256, Failure> {
        let value = match self.json(name)? {
            Json::String(text) => text.parse(),
            Json::Number(number) if number.is_u64() => number.to_string().parse(),
            _ => return Err(wrong(name, "a number")),
        };
        value.within(name)
    }

    pub(crate) fn u64(self, name: &str) -> Result<u64, Failure> {
        u64::try_from(self.uint(name)?).within(name)
    }
}

/// JSON of another type than the field has.
pub(crate) fn wrong(name: &str, expected: &str) -> Failure {
    Failure::new("wrong-type", format!("{name} is not {expected}"))
}

/// A flag, which some vectors write as a number.
pub(crate) fn to_flag(value: &Json) -> Option<bool> {
    match value.as_u64() {
        Some(0) => Some(false),
        Some(1) => Some(true),
        _ => value.as_bool(),
    }
}

pub(crate) fn to_bytes(text: &str) -> Result<Vec<u8>, HexError> {
    let mut out = vec![0; text.len() / 2];
    let len = hex::decode_into(text, &mut out)?;
    out.truncate(len);
    Ok(out)
}

pub(crate) fn to_b256(name: &str, value: &Json) -> Result<B256, Failure> {
    let text = value.as_str().ok_or_else(|| wrong(name, "a string"))?;
    text.parse::<B256>().within(name)
}

/// A file's content, with its name in the error.
pub(crate) fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    std::fs::read(path)
        .map(Zeroizing::new)
        .within(path.display())
}
