//! ECDSA keys and signatures on secp256k1 and P-256.
//!
//! Signing is deterministic (RFC 6979 with SHA-256), constant-time in the underlying
//! crates `k256` and `p256`, and gives a low `s` and the recovery id on both curves.

use core::fmt;

use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::hash::B256;
use crate::health::{self, HealthError};
use crate::signer::{Signable, Signer};

mod curve;
mod der;
pub mod hazmat;

pub use self::curve::Curve;
#[cfg(feature = "p256")]
pub use self::curve::P256;
#[cfg(feature = "secp256k1")]
pub use self::curve::Secp256k1;
pub use self::der::DerSignature;

/// Why a key could not be made, read or imported.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum KeyError {
    /// The secret is zero or not below the order of the curve.
    OutOfRange,
    /// The bytes are no SEC 1 point of the curve (33 or 65 bytes), or the identity.
    BadPoint,
    /// The random source failed its health test; no key was made.
    Unhealthy(HealthError),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange => f.write_str("secret key out of range"),
            Self::BadPoint => f.write_str("not a point of the curve"),
            Self::Unhealthy(cause) => cause.fmt(f),
        }
    }
}

impl core::error::Error for KeyError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Unhealthy(cause) => Some(cause),
            _ => None,
        }
    }
}

impl Error for KeyError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unhealthy(cause) => cause.kind(),
            _ => ErrorKind::Caller,
        }
    }
}

impl From<HealthError> for KeyError {
    fn from(cause: HealthError) -> Self {
        Self::Unhealthy(cause)
    }
}

/// A signature is malformed or does not belong to the message and key.
///
/// Says no more on purpose: a reason helps only whoever made it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SignatureError;

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bad signature")
    }
}

impl core::error::Error for SignatureError {}

impl Error for SignatureError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Remote
    }
}

/// A secret key: a scalar of 32 bytes and the public key that belongs to it.
///
/// Wiped on drop; compared in constant time; prints its type and nothing else. Keep the
/// value: making it costs as much as a signature, for the public key.
pub struct SecretKey<C: Curve>(C::Secret);

impl<C: Curve> SecretKey<C> {
    /// Length of the scalar in bytes.
    pub const LEN: usize = 32;

    /// Draws a new key from a true random source, after a start-up health test.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unhealthy`] if the source fails or looks broken;
    /// [`KeyError::OutOfRange`] if it gives no scalar in 8 draws (each fails with a
    /// chance of 2^-32 at most).
    ///
    /// # Security
    ///
    /// The tests cannot tell a seeded generator from a true source: bring a hardware
    /// source or an operating system's.
    pub fn generate<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, KeyError> {
        const TRIES: usize = 8;
        health::check_startup(rng)?;
        let mut scalar = Zeroizing::new([0; 32]);
        for _ in 0..TRIES {
            rng.try_fill_bytes(&mut *scalar)
                .map_err(|_| HealthError::SourceFailed)?;
            health::HealthTest::new().feed(&*scalar)?;
            if let Ok(key) = Self::from_bytes(&scalar) {
                return Ok(key);
            }
        }
        Err(KeyError::OutOfRange)
    }

    /// Imports a scalar of 32 bytes, most significant first.
    ///
    /// # Errors
    ///
    /// [`KeyError::OutOfRange`] if it is zero or not below the order of the curve.
    ///
    /// # Security
    ///
    /// The caller wipes its own copy.
    pub fn from_bytes(scalar: &[u8; 32]) -> Result<Self, KeyError> {
        C::secret_from_bytes(scalar)
            .map(Self)
            .ok_or(KeyError::OutOfRange)
    }

    /// The public key.
    pub fn public_key(&self) -> &PublicKey<C> {
        C::public_of(&self.0)
    }

    /// Hashes `message` and signs it.
    ///
    /// The signature is deterministic (RFC 6979), has a low `s` and a recovery id.
    pub fn sign(&self, message: &(impl Signable + ?Sized)) -> Signature<C> {
        hazmat::sign_prehash(self, &message.prehash())
    }

    /// Copies the scalar out, into memory that is wiped on drop.
    ///
    /// # Security
    ///
    /// For storage under encryption and for tools; a device key that leaves the device
    /// is no device key.
    pub fn dangerous_to_bytes(&self) -> Zeroizing<[u8; 32]> {
        C::secret_to_bytes(&self.0)
    }
}

impl<C: Curve> fmt::Debug for SecretKey<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey<{}>", C::NAME)
    }
}

impl<C: Curve> subtle::ConstantTimeEq for SecretKey<C> {
    fn ct_eq(&self, other: &Self) -> subtle::Choice {
        self.dangerous_to_bytes()[..].ct_eq(&other.dangerous_to_bytes()[..])
    }
}

/// A software key signs whatever it is given; policies come with key slots.
impl<C: Curve> Signer for SecretKey<C> {
    type Curve = C;
    type Error = core::convert::Infallible;

    fn public_key(&self) -> &PublicKey<C> {
        self.public_key()
    }

    async fn sign(&mut self, message: &dyn Signable) -> Result<Signature<C>, Self::Error> {
        Ok(SecretKey::sign(self, message))
    }
}

/// A public key: a point of the curve, never the identity.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct PublicKey<C: Curve>(C::Public);

impl<C: Curve> PublicKey<C> {
    /// Length of the SEC 1 compressed form in bytes.
    pub const COMPRESSED_LEN: usize = 33;

    /// Length of the SEC 1 uncompressed form in bytes.
    pub const UNCOMPRESSED_LEN: usize = 65;

    /// Reads a SEC 1 point, compressed (33 bytes) or uncompressed (65 bytes).
    ///
    /// # Errors
    ///
    /// [`KeyError::BadPoint`] for any other length or form and for a point that is not
    /// on the curve.
    ///
    /// Reference: SEC 1 version 2.0, section 2.3.4.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, KeyError> {
        let form = (bytes.len(), bytes.first());
        if !matches!(form, (33, Some(2 | 3)) | (65, Some(4))) {
            return Err(KeyError::BadPoint);
        }
        C::public_from_sec1(bytes)
            .map(Self)
            .ok_or(KeyError::BadPoint)
    }

    /// The key that made `signature` over a message with this digest.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if there is none, or the signature has no recovery id.
    ///
    /// Reference: SEC 1 version 2.0, section 4.1.6.
    pub fn recover_prehash(
        prehash: &B256,
        signature: &Signature<C>,
    ) -> Result<Self, SignatureError> {
        let id = signature.recovery_id.ok_or(SignatureError)?;
        C::recover(prehash, &signature.bytes, id)
            .map(Self)
            .ok_or(SignatureError)
    }

    /// The SEC 1 uncompressed form: `04 || x || y`.
    pub fn to_uncompressed(&self) -> [u8; 65] {
        C::public_to_uncompressed(&self.0)
    }

    /// The SEC 1 compressed form: `02` or `03`, then `x`.
    pub fn to_compressed(&self) -> [u8; 33] {
        let full = self.to_uncompressed();
        let mut out = [0; 33];
        let odd = full.last().is_some_and(|byte| byte & 1 == 1);
        for (to, from) in out.iter_mut().zip(full) {
            *to = from;
        }
        if let Some(tag) = out.first_mut() {
            *tag = 2 | u8::from(odd);
        }
        out
    }

    /// The coordinates `x || y`, 32 bytes each.
    pub fn to_coordinates(&self) -> [u8; 64] {
        let full = self.to_uncompressed();
        full.last_chunk().copied().unwrap_or([0; 64])
    }

    /// Checks a signature over a message.
    ///
    /// # Errors
    ///
    /// [`SignatureError`]. A high `s` is no error here; where a format asks for a low
    /// one, ask [`Signature::is_low_s`].
    pub fn verify(
        &self,
        message: &(impl Signable + ?Sized),
        signature: &Signature<C>,
    ) -> Result<(), SignatureError> {
        self.verify_prehash(&message.prehash(), signature)
    }

    /// Checks a signature over a message with this digest.
    ///
    /// # Errors
    ///
    /// [`SignatureError`].
    ///
    /// # Security
    ///
    /// The digest must have been computed here, from the message.
    pub fn verify_prehash(
        &self,
        prehash: &B256,
        signature: &Signature<C>,
    ) -> Result<(), SignatureError> {
        if C::verify(&self.0, prehash, &signature.bytes) {
            return Ok(());
        }
        Err(SignatureError)
    }
}

impl<C: Curve> fmt::Debug for PublicKey<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "PublicKey<{}>({:?})",
            C::NAME,
            crate::hex::Hex(&self.to_compressed())
        )
    }
}

/// Which of the up to four candidate keys made a signature: bit 0 is the parity of the
/// ephemeral point's `y`, bit 1 says that its `x` was reduced (on secp256k1 one
/// signature in 2^127).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RecoveryId(u8);

impl RecoveryId {
    /// From the parity of `y`, as Ethereum transactions carry it.
    pub const fn from_parity(is_y_odd: bool) -> Self {
        Self(is_y_odd as u8)
    }

    /// From a number in `0..4`; `None` above.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        if byte < 4 { Some(Self(byte)) } else { None }
    }

    /// The number, `0..4`.
    pub const fn to_byte(self) -> u8 {
        self.0
    }

    /// Whether the ephemeral point's `y` is odd.
    pub const fn is_y_odd(self) -> bool {
        self.0 & 1 == 1
    }

    /// Whether the ephemeral point's `x` was reduced.
    pub const fn is_x_reduced(self) -> bool {
        self.0 & 2 == 2
    }
}

/// An ECDSA signature: `r || s`, 32 bytes each, both in `1..n`.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Signature<C: Curve> {
    bytes: [u8; 64],
    recovery_id: Option<RecoveryId>,
    curve: core::marker::PhantomData<C>,
}

impl<C: Curve> Signature<C> {
    /// Length in bytes.
    pub const LEN: usize = 64;

    /// Reads `r || s`.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if either is zero or not below the order of the curve.
    pub fn from_bytes(
        bytes: &[u8; 64],
        recovery_id: Option<RecoveryId>,
    ) -> Result<Self, SignatureError> {
        if !C::is_in_range(bytes) {
            return Err(SignatureError);
        }
        Ok(Self::new_unchecked(*bytes, recovery_id))
    }

    /// Reads `r` and `s`.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if either is zero or not below the order of the curve.
    pub fn from_scalars(
        r: &[u8; 32],
        s: &[u8; 32],
        recovery_id: Option<RecoveryId>,
    ) -> Result<Self, SignatureError> {
        Self::from_bytes(&join(r, s), recovery_id)
    }

    const fn new_unchecked(bytes: [u8; 64], recovery_id: Option<RecoveryId>) -> Self {
        Self {
            bytes,
            recovery_id,
            curve: core::marker::PhantomData,
        }
    }

    /// `r || s`.
    pub const fn to_bytes(&self) -> [u8; 64] {
        self.bytes
    }

    /// `r`, most significant byte first.
    pub fn r(&self) -> &[u8; 32] {
        self.bytes.first_chunk().unwrap_or(&[0; 32])
    }

    /// `s`, most significant byte first.
    pub fn s(&self) -> &[u8; 32] {
        self.bytes.last_chunk().unwrap_or(&[0; 32])
    }

    /// The recovery id, where the signer gave one.
    pub const fn recovery_id(&self) -> Option<RecoveryId> {
        self.recovery_id
    }

    /// Whether `s` is at most half the order, as Ethereum and records ask.
    pub fn is_low_s(&self) -> bool {
        C::is_low_s(self.s())
    }

    /// The same signature with a low `s`, and the recovery id turned to match.
    pub fn normalize_s(&self) -> Self {
        if self.is_low_s() {
            return *self;
        }
        let bytes = join(self.r(), &C::negate_s(self.s()));
        let recovery_id = self.recovery_id.map(|id| RecoveryId(id.0 ^ 1));
        Self::new_unchecked(bytes, recovery_id)
    }
}

fn join(r: &[u8; 32], s: &[u8; 32]) -> [u8; 64] {
    let mut bytes = [0; 64];
    for (to, from) in bytes.iter_mut().zip(r.iter().chain(s)) {
        *to = *from;
    }
    bytes
}

impl<C: Curve> fmt::Debug for Signature<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Signature<{}>({:?}, {:?})",
            C::NAME,
            crate::hex::Hex(&self.bytes),
            self.recovery_id
        )
    }
}

#[cfg(feature = "defmt")]
impl<C: Curve> defmt::Format for Signature<C> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Signature({=[u8]:02x})", self.bytes);
    }
}

#[cfg(feature = "defmt")]
impl<C: Curve> defmt::Format for PublicKey<C> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "PublicKey({=[u8]:02x})", self.to_compressed());
    }
}
