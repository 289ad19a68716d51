//! Random bytes of the host. For tests: whoever runs QEMU chooses the bytes.

use core::fmt;

use rand_core::{TryCryptoRng, TryRng};

use crate::semihosting::{self, File, Mode};

/// Reads random bytes from the file that the argument `random` names, else from
/// `/dev/urandom` of the host.
///
/// The machines have no random source of their own. A type like this exists in no board
/// crate for hardware.
///
/// # Security
///
/// As good as the file: a test that repeats itself gives the same bytes each time, and then
/// every key that is made is known.
pub struct InjectedRandom(Option<File>);

impl InjectedRandom {
    pub(crate) fn open() -> Self {
        Self(semihosting::open_named(
            "random",
            Some(c"/dev/urandom"),
            Mode::Read,
        ))
    }
}

impl TryRng for InjectedRandom {
    type Error = RandomError;

    fn try_next_u32(&mut self) -> Result<u32, RandomError> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, RandomError> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        let read = self.0.as_ref().map(|file| file.read(out));
        (read == Some(out.len())).then_some(()).ok_or(RandomError)
    }
}

impl TryCryptoRng for InjectedRandom {}

/// The host's file is not there, or it is at its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, defmt::Format)]
pub struct RandomError;

impl fmt::Display for RandomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no random bytes from the host")
    }
}

impl core::error::Error for RandomError {}
