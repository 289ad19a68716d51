//! The control lines of the modem. The machines have no pins that a host could watch, so
//! each edge is one byte on a UART of its own.
//!
//! | line | asserted | released |
//! | --- | --- | --- |
//! | PWRKEY | `P` | `p` |
//! | RESET | `R` | `r` |
//! | DTR | `D` | `d` |

use core::convert::Infallible;

use coracle::modem::Pins;
use embedded_hal::digital::{ErrorType, OutputPin};

use crate::chip;

/// The lines that switch, reset and wake the modem.
pub(crate) const fn all() -> Pins<ControlPin, ControlPin, ControlPin> {
    Pins {
        pwrkey: ControlPin(b'P'),
        reset: ControlPin(b'R'),
        dtr: ControlPin(b'D'),
    }
}

/// One line. High asserts it, as through the transistor of a real board.
pub struct ControlPin(u8);

impl ErrorType for ControlPin {
    type Error = Infallible;
}

impl OutputPin for ControlPin {
    fn set_low(&mut self) -> Result<(), Infallible> {
        chip::PINS.put_blocking(self.0.to_ascii_lowercase());
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        chip::PINS.put_blocking(self.0);
        Ok(())
    }
}
