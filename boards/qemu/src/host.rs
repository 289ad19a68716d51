//! What a test gives the firmware: settings as text, a device secret.

use coracle::store::{DeviceSecret, InsecureReadableSecret, SecretError};
use zeroize::Zeroizing;

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

/// The secret of the device, which the host gives where real ones have it in fuses:
/// [`InsecureReadableSecret::LEN`] raw bytes in the file that the argument `secret` names.
///
/// Read anew each time, and not kept. For tests: a type like this exists in no board crate
/// for hardware.
#[derive(Debug)]
pub struct InjectedSecret(());

impl InjectedSecret {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

impl DeviceSecret for InjectedSecret {
    /// Fails without such an argument or file, and where the file is shorter.
    fn derive(&mut self, context: &[u8], key: &mut [u8; 32]) -> Result<(), SecretError> {
        let file = semihosting::open_named("secret", None, Mode::Read).ok_or(SecretError)?;
        let mut secret = Zeroizing::new([0; InsecureReadableSecret::LEN]);
        if file.read(secret.as_mut_slice()) != secret.len() {
            return Err(SecretError);
        }
        InsecureReadableSecret::new(&secret).derive(context, key)
    }
}
