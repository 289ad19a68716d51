//! A driver for the emulated secure element.
#![allow(unreachable_pub, reason = "the test program is the only user")]

use core::fmt;

use coracle_core::{B256, Error, ErrorKind};
use coracle_store::Element;
use coracle_testkit::SimElement;
use embedded_hal_async::i2c::{Error as _, ErrorKind as BusErrorKind, I2c, NoAcknowledgeSource};

/// Reads of the status before the driver gives up.
const MAX_POLLS: usize = 100;

/// Signs with a [`SimElement`].
///
/// It reads the status over and over; on a device it would wait in between.
pub struct SimElementDriver<I> {
    bus: I,
}

/// Why the element did not answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DriverError {
    /// It works on a command that nobody waits for any more.
    Busy,
    /// It is still at work after all polls.
    Late,
    /// It does not know the handle.
    NoSuchKey,
    /// It is not there, or the bus failed.
    Bus(BusErrorKind),
    /// It lost the command: it was reset.
    Lost,
}

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("element is busy"),
            Self::Late => f.write_str("element is late"),
            Self::NoSuchKey => f.write_str("element has no such key"),
            Self::Bus(kind) => kind.fmt(f),
            Self::Lost => f.write_str("element was reset"),
        }
    }
}

impl core::error::Error for DriverError {}

impl Error for DriverError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Busy | Self::Late => ErrorKind::Retry,
            Self::NoSuchKey => ErrorKind::Caller,
            Self::Bus(_) | Self::Lost => ErrorKind::Device,
        }
    }
}

impl<I: I2c> SimElementDriver<I> {
    pub fn new(bus: I) -> Self {
        Self { bus }
    }

    /// The public key of this name, as of SEC 1, compressed.
    pub async fn public_key(&mut self, handle: u8) -> Result<[u8; 33], DriverError> {
        self.start(&[SimElement::READ_KEY, handle]).await?;
        let [_, key @ ..] = self.finish::<34>().await?;
        Ok(key)
    }

    async fn start(&mut self, command: &[u8]) -> Result<(), DriverError> {
        let taken = self.bus.write(SimElement::ADDRESS, command).await;
        taken.map_err(|cause| match cause.kind() {
            BusErrorKind::NoAcknowledge(NoAcknowledgeSource::Data) => DriverError::Busy,
            other => DriverError::Bus(other),
        })
    }

    /// The answer behind its status.
    async fn finish<const N: usize>(&mut self) -> Result<[u8; N], DriverError> {
        let mut answer = [0; N];
        for _ in 0..MAX_POLLS {
            let read = self.bus.read(SimElement::ADDRESS, &mut answer).await;
            read.map_err(|cause| DriverError::Bus(cause.kind()))?;
            match answer[0] {
                SimElement::DONE => return Ok(answer),
                SimElement::WORKING => {}
                SimElement::REFUSED => return Err(DriverError::NoSuchKey),
                _ => return Err(DriverError::Lost),
            }
        }
        Err(DriverError::Late)
    }
}

impl<I: I2c> Element for SimElementDriver<I> {
    type Error = DriverError;

    async fn sign_prehash(&mut self, handle: u8, prehash: &B256) -> Result<[u8; 64], DriverError> {
        let mut command = [SimElement::SIGN; 34];
        command[1] = handle;
        command[2..].copy_from_slice(prehash.as_bytes());
        self.start(&command).await?;
        let [_, signature @ ..] = self.finish::<65>().await?;
        Ok(signature)
    }
}
