//! What a test gives the firmware: settings as text, a device secret.

use core::fmt;

use zeroize::{Zeroize, Zeroizing};

use crate::semihosting::{self, Mode};

/// Reads the text of the file that the argument `settings` names into `buf`.
///
/// Empty if there is no such argument or file, if the file is longer than `buf`, or if it
/// is not UTF-8.
pub fn settings(buf: &mut [u8]) -> &str {
    let Some(file) = semihosting::open_named("settings", None, Mode::Read) else {
        return "";
    };
    let len = file.read(buf);
    let is_whole = file.read(&mut [0]) == 0;
    let text = buf.get(..len).filter(|_| is_whole).unwrap_or_default();
    core::str::from_utf8(text).unwrap_or_default()
}

/// A secret of the device that the host gives it, where real ones have it in fuses.
///
/// For tests. A type like this exists in no board crate for hardware.
pub struct InjectedSecret([u8; Self::LEN]);

impl InjectedSecret {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// Reads the secret from the file that the argument `secret` names: [`Self::LEN`] raw
    /// bytes. `None` if there is no such argument or file, or if it is shorter.
    pub fn read() -> Option<Self> {
        let file = semihosting::open_named("secret", None, Mode::Read)?;
        let mut secret = Self([0; Self::LEN]);
        let len = file.read(&mut secret.0);
        (len == Self::LEN).then_some(secret)
    }

    /// The bytes, in a wrapper that wipes them.
    pub fn to_bytes(&self) -> Zeroizing<[u8; Self::LEN]> {
        Zeroizing::new(self.0)
    }
}

impl fmt::Debug for InjectedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InjectedSecret")
    }
}

impl Drop for InjectedSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
