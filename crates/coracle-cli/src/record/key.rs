//! The public key that records are held against.

use std::path::Path;

use clap::ValueEnum;
use coracle_core::ecdsa::{P256, PublicKey, Secp256k1};
use coracle_record::Algorithm;

use super::unknown_algorithm;
use crate::failure::{Failure, Within};
use crate::input::{read_file, to_bytes};

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum AlgorithmArg {
    /// What the record or bundle says.
    #[default]
    Auto,
    /// ECDSA on secp256k1.
    Es256k,
    /// ECDSA on P-256.
    Es256,
}

impl AlgorithmArg {
    /// The algorithm, given what the bytes claim.
    pub(crate) const fn or(self, claimed: Algorithm) -> Algorithm {
        match self {
            Self::Auto => claimed,
            Self::Es256k => Algorithm::Es256k,
            Self::Es256 => Algorithm::Es256,
        }
    }
}

/// A key on one of the curves of records.
pub(crate) enum AnyKey {
    Es256k(PublicKey<Secp256k1>),
    Es256(PublicKey<P256>),
}

impl AnyKey {
    pub(crate) fn new(algorithm: Algorithm, sec1: &[u8]) -> Result<Self, Failure> {
        match algorithm {
            Algorithm::Es256k => Ok(Self::Es256k(PublicKey::from_sec1(sec1).within("key")?)),
            Algorithm::Es256 => Ok(Self::Es256(PublicKey::from_sec1(sec1).within("key")?)),
            other => Err(unknown_algorithm(other)),
        }
    }
}

/// SEC 1 bytes: digits, or a file that holds digits or the bytes themselves.
pub(crate) fn read_sec1(text: &str) -> Result<Vec<u8>, Failure> {
    if let Some(bytes) = digits(text) {
        return Ok(bytes);
    }
    let content = read_file(Path::new(text)).within("--key")?;
    let from_text = std::str::from_utf8(&content).ok().and_then(digits);
    Ok(from_text.unwrap_or_else(|| content.to_vec()))
}

fn digits(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let digits = text.strip_prefix("0x").unwrap_or(text);
    to_bytes(&format!("0x{digits}")).ok()
}
