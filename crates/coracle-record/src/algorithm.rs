//! The COSE header that every record has: algorithm and key id.

use core::fmt;

#[cfg(feature = "es256")]
use coracle_core::ecdsa::P256;
#[cfg(feature = "es256k")]
use coracle_core::ecdsa::Secp256k1;
use coracle_core::ecdsa::{Curve, PublicKey};
use coracle_core::hex::Hex;
use coracle_core::{Encode, Sink, sha256};

use crate::cbor::{self, Reader};
use crate::error::{Fault, FormatError};

/// A COSE signature algorithm of records, both over SHA-256.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA on P-256 (RFC 9053 section 2.1).
    Es256,
    /// ECDSA on secp256k1 (RFC 8812 section 3.2).
    Es256k,
}

impl Algorithm {
    /// The number in the COSE Algorithms registry.
    pub const fn cose_id(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::Es256k => -47,
        }
    }

    /// The algorithm of a number of the registry; `None` if records do not use it.
    pub const fn from_cose_id(id: i64) -> Option<Self> {
        Some(match id {
            -7 => Self::Es256,
            -47 => Self::Es256k,
            _ => return None,
        })
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        reader.checked(Reader::signed, |id| {
            Self::from_cose_id(id).ok_or(Fault::UnknownAlgorithm)
        })
    }
}

/// The name in the COSE Algorithms registry.
impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Es256 => "ES256",
            Self::Es256k => "ES256K",
        })
    }
}

/// A curve with which records are signed. Sealed, as [`Curve`] is.
pub trait CoseAlgorithm: Curve {
    /// Its algorithm.
    const ALGORITHM: Algorithm;
}

#[cfg(feature = "es256")]
impl CoseAlgorithm for P256 {
    const ALGORITHM: Algorithm = Algorithm::Es256;
}

#[cfg(feature = "es256k")]
impl CoseAlgorithm for Secp256k1 {
    const ALGORITHM: Algorithm = Algorithm::Es256k;
}

/// The start of the SHA-256 of a public key in its SEC 1 compressed form.
///
/// Tells keys apart; proves nothing: two keys with one id can be searched for.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct KeyId([u8; Self::LEN]);

impl KeyId {
    /// Length in bytes.
    pub const LEN: usize = 8;

    /// The id of a key.
    pub fn of<C: Curve>(key: &PublicKey<C>) -> Self {
        let hash = sha256(&key.to_compressed());
        Self(hash.0.first_chunk().copied().unwrap_or_default())
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Hex(&self.0), f)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for KeyId {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=[u8]:02x}", self.0);
    }
}

/// The protected header: `{1: algorithm, 4: key id}` (RFC 9052 section 3.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Protected {
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: KeyId,
}

impl Protected {
    const ALG: u8 = 1;
    const KID: u8 = 4;

    pub(crate) fn of<C: CoseAlgorithm>(key: &PublicKey<C>) -> Self {
        Self {
            algorithm: C::ALGORITHM,
            key_id: KeyId::of(key),
        }
    }

    pub(crate) fn decode(bytes: &[u8], base: usize) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes, base);
        reader.map(2)?;
        reader.key(Self::ALG)?;
        let algorithm = Algorithm::read(&mut reader)?;
        reader.key(Self::KID)?;
        let key_id = KeyId(reader.array_of()?);
        reader.end()?;
        Ok(Self { algorithm, key_id })
    }
}

impl Encode for Protected {
    fn encode(&self, out: &mut dyn Sink) {
        cbor::write(out, |cbor| {
            cbor.map(2)?;
            cbor.u8(Self::ALG)?.i64(self.algorithm.cose_id())?;
            cbor.u8(Self::KID)?.bytes(&self.key_id.0)?;
            Ok(())
        });
    }
}
