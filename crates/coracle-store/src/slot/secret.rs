//! What only this device knows.

use core::fmt;

use coracle_core::{Error, ErrorKind};
use hkdf::Hkdf;
use sha2::Sha256;

/// The device's secret was not available.
///
/// Says no more on purpose: what such a part tells is of use to whoever attacks it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SecretError;

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("device secret is not available")
    }
}

impl core::error::Error for SecretError {}

impl Error for SecretError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Device
    }
}

/// A secret of this device that does not stand in its flash: a hardware unique key, a PUF,
/// fuses that only a cipher engine reads, a secure element.
///
/// Slots are sealed under keys that come from it, so flash that is read out or soldered
/// into another device does not open. There is no default, and no constant that stands in
/// for one.
///
/// # Security
///
/// A chip's serial number or unique id is no secret: it is printed on labels and read by
/// any debugger, and so is whatever is computed from it.
pub trait DeviceSecret {
    /// Derives a key: the same for the same context, always; unrelated for others.
    ///
    /// # Errors
    ///
    /// [`SecretError`]; `key` is of no use then.
    ///
    /// # Security
    ///
    /// The caller wipes `key` and the stack below it.
    fn derive(&mut self, context: &[u8], key: &mut [u8; 32]) -> Result<(), SecretError>;
}

impl<T: DeviceSecret + ?Sized> DeviceSecret for &mut T {
    fn derive(&mut self, context: &[u8], key: &mut [u8; 32]) -> Result<(), SecretError> {
        (**self).derive(context, key)
    }
}

/// A device secret of 32 random bytes that software can read: HKDF-SHA-256.
///
/// For hosts, where a file holds the bytes, and for emulated boards.
///
/// # Security
///
/// Insecure on a device: whoever reads its memory or its flash reads the secret. It is
/// worth as much as the place from which the bytes came.
pub struct InsecureReadableSecret<'a>(&'a [u8; SECRET_LEN]);

// A type with a lifetime cannot name its own constant in an array.
const SECRET_LEN: usize = 32;

impl<'a> InsecureReadableSecret<'a> {
    /// Length in bytes.
    pub const LEN: usize = SECRET_LEN;

    /// Derives from these bytes, which the caller wipes after use.
    pub const fn new(secret: &'a [u8; SECRET_LEN]) -> Self {
        Self(secret)
    }
}

impl fmt::Debug for InsecureReadableSecret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InsecureReadableSecret")
    }
}

impl DeviceSecret for InsecureReadableSecret<'_> {
    fn derive(&mut self, context: &[u8], key: &mut [u8; 32]) -> Result<(), SecretError> {
        let kdf = Hkdf::<Sha256>::new(None, self.0);
        kdf.expand(context, key).map_err(|_| SecretError)
    }
}
