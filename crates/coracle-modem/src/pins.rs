//! The control pins of a modem.

use core::convert::Infallible;

use embedded_hal::digital::{ErrorType, OutputPin};

/// A control pin, or none.
///
/// "Asserted" is high: what boards need that drive PWRKEY and RESET through a transistor.
/// Where a pin is wired without one, wrap it so that its levels swap.
pub trait ControlPin {
    /// Whether there is a pin at all.
    const PRESENT: bool;

    /// Asserts or releases the pin; a pin that fails does nothing, as one that is absent.
    fn set(&mut self, asserted: bool);
}

impl<P: OutputPin> ControlPin for P {
    const PRESENT: bool = true;

    fn set(&mut self, asserted: bool) {
        // A pin that fails shows as a modem that stays silent.
        let _: Result<(), _> = self.set_state(asserted.into());
    }
}

/// The pin is not wired.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoPin;

impl ErrorType for NoPin {
    type Error = Infallible;
}

impl ControlPin for NoPin {
    const PRESENT: bool = false;

    fn set(&mut self, _asserted: bool) {}
}

/// The control pins of a modem, as far as they are wired.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pins<K = NoPin, R = NoPin, D = NoPin> {
    /// Switches the modem on and off when it is pulsed.
    pub pwrkey: K,
    /// Restarts the modem when it is pulsed.
    pub reset: R,
    /// Wakes the modem from its sleep while it is asserted.
    pub dtr: D,
}

impl Pins {
    /// No control pin is wired: what is left are commands.
    pub const NONE: Self = Self {
        pwrkey: NoPin,
        reset: NoPin,
        dtr: NoPin,
    };
}

/// Which pin of [`ControlPins`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PinName {
    /// PWRKEY.
    PwrKey,
    /// RESET.
    Reset,
    /// DTR.
    Dtr,
}

/// Any [`Pins`].
pub trait ControlPins {
    /// Whether a pin is wired.
    fn has(&self, pin: PinName) -> bool;

    /// Asserts or releases a pin; does nothing for one that is absent.
    fn set(&mut self, pin: PinName, asserted: bool);
}

impl<K: ControlPin, R: ControlPin, D: ControlPin> ControlPins for Pins<K, R, D> {
    fn has(&self, pin: PinName) -> bool {
        match pin {
            PinName::PwrKey => K::PRESENT,
            PinName::Reset => R::PRESENT,
            PinName::Dtr => D::PRESENT,
        }
    }

    fn set(&mut self, pin: PinName, asserted: bool) {
        match pin {
            PinName::PwrKey => self.pwrkey.set(asserted),
            PinName::Reset => self.reset.set(asserted),
            PinName::Dtr => self.dtr.set(asserted),
        }
    }
}
