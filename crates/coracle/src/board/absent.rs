//! What a board does not have.

use core::convert::Infallible;
use core::fmt;

use embedded_hal_async::i2c::{self, I2c, Operation};
use embedded_io::{ErrorType, Write};

/// Stands for a part that a board does not have: no value of it exists.
#[derive(Clone, Copy, Debug)]
pub enum Absent {}

/// Its error, which never happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AbsentError(Infallible);

impl fmt::Display for AbsentError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {}
    }
}

impl core::error::Error for AbsentError {}

impl embedded_io::Error for AbsentError {
    fn kind(&self) -> embedded_io::ErrorKind {
        match self.0 {}
    }
}

impl i2c::Error for AbsentError {
    fn kind(&self) -> i2c::ErrorKind {
        match self.0 {}
    }
}

impl ErrorType for Absent {
    type Error = AbsentError;
}

impl Write for Absent {
    fn write(&mut self, _: &[u8]) -> Result<usize, AbsentError> {
        match *self {}
    }

    fn flush(&mut self) -> Result<(), AbsentError> {
        match *self {}
    }
}

impl i2c::ErrorType for Absent {
    type Error = AbsentError;
}

impl I2c for Absent {
    async fn transaction(&mut self, _: u8, _: &mut [Operation<'_>]) -> Result<(), AbsentError> {
        match *self {}
    }
}
