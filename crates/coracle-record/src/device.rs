//! Who a record speaks for.

use core::fmt;

use coracle_core::hex::Hex;

use crate::error::RecordError;

/// A device's name among the devices of its owner: 1 to [`DeviceId::MAX_LEN`] bytes of
/// any content, such as a serial number, an EUI-64 or an IMEI.
///
/// Prints as `0x` and lower-case digits. Proves nothing alone: a record's signature
/// says that the holder of the key chose it.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct DeviceId {
    bytes: [u8; Self::MAX_LEN],
    len: u8,
}

impl DeviceId {
    /// The most bytes that a device id has.
    pub const MAX_LEN: usize = 32;

    /// Takes the bytes of an id.
    ///
    /// # Errors
    ///
    /// [`RecordError::DeviceIdLength`] if there are none or more than
    /// [`MAX_LEN`](Self::MAX_LEN).
    pub fn from_slice(id: &[u8]) -> Result<Self, RecordError> {
        let error = RecordError::DeviceIdLength { max: Self::MAX_LEN };
        let len = u8::try_from(id.len()).map_err(|_| error)?;
        let mut bytes = [0; Self::MAX_LEN];
        let space = bytes.get_mut(..id.len()).ok_or(error)?;
        if id.is_empty() {
            return Err(error);
        }
        space.copy_from_slice(id);
        Ok(Self { bytes, len })
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Hex(self.as_bytes()), f)
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for DeviceId {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=[u8]:02x}", self.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_no_bytes_and_too_many() {
        let error = Err(RecordError::DeviceIdLength { max: 32 });
        assert_eq!(DeviceId::from_slice(&[]), error);
        assert_eq!(DeviceId::from_slice(&[1; 33]), error);
        assert_eq!(DeviceId::from_slice(&[1; 256]), error);
    }

    #[test]
    fn ids_that_end_in_zero_differ() {
        let short = DeviceId::from_slice(b"a").unwrap();
        let long = DeviceId::from_slice(b"a\0").unwrap();
        assert_ne!(short, long);
        assert_eq!(long.as_bytes(), b"a\0");
    }
}
