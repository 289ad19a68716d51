//! What a program gets from a board, whichever it is.
//!
//! A program is written once, generic over [`Board`]; a board-support crate implements
//! it, and the chip is a cargo feature there. A board hands its [`Parts`] out once, so
//! that each has one owner and two of them can be used at the same time.
//!
//! | part | trait | unit or shape |
//! | --- | --- | --- |
//! | network | [`Network`] | byte streams, names, and the time if it has it |
//! | random source | `rand_core::TryCryptoRng` | a true source, never a seed |
//! | flash | `embedded_storage_async` [`NorFlash`] | the partition that is coracle's alone, from offset 0 |
//! | secret | `coracle_store` [`DeviceSecret`] | what seals keys on that flash; never in it |
//! | clock | [`Clock`] | milliseconds since some start, never backwards |
//! | delay | `embedded_hal_async` [`DelayNs`] | |
//! | console | `embedded_io` [`Write`], optional | bytes to whoever is attached |
//! | sensor bus | `embedded_hal_async` [`I2c`], optional | |
//!
//! A board with an AT modem makes its network of the UART and the control pins, with
//! `AtNetwork` (feature `modem`). Others bring their own: the modem library of an nRF91,
//! the sockets of Linux, an IP stack behind [`Nal`].

mod absent;
#[cfg(feature = "modem")]
mod at;
mod network;

use coracle_store::DeviceSecret;
use embedded_hal_async::delay::DelayNs;
use embedded_hal_async::i2c::I2c;
use embedded_io::Write;
use embedded_storage_async::nor_flash::NorFlash;
use rand_core::TryCryptoRng;

pub use self::absent::{Absent, AbsentError};
#[cfg(feature = "modem")]
pub use self::at::{AtConnection, AtNetwork};
pub use self::network::{Network, NetworkTime};
pub use coracle_net::Nal;

/// A device that coracle runs on.
///
/// Implemented by board-support crates and by hosts, for programs that are generic over
/// it. There is one value of it for a device: making it takes the peripherals.
pub trait Board: Sized {
    /// Connections to nodes.
    type Network: Network;
    /// A true random source; keys are made from it. A board that has none does not
    /// implement this trait.
    type Random: TryCryptoRng;
    /// The pages where keys and journal live. Nothing else writes there, a firmware
    /// update included.
    type Flash: NorFlash;
    /// What only this device knows: fuses, a PUF, a secure element. A board that has none
    /// does not implement this trait.
    type Secret: DeviceSecret;
    /// Milliseconds that only go up.
    type Clock: Clock;
    /// Waits. A copy of it, since the network of a board waits as well.
    type Delay: DelayNs;
    /// Takes bytes for whoever is attached; [`Absent`] where there is none.
    type Console: Write;
    /// Where sensors are; [`Absent`] where there is none.
    type SensorBus: I2c;

    /// Takes the board apart.
    fn into_parts(self) -> Parts<Self>;
}

/// Everything of a board; see [`Board`].
pub struct Parts<B: Board> {
    /// Connections to nodes.
    pub network: B::Network,
    /// A true random source.
    pub random: B::Random,
    /// The pages that are coracle's.
    pub flash: B::Flash,
    /// What only this device knows.
    pub secret: B::Secret,
    /// Milliseconds that only go up.
    pub clock: B::Clock,
    /// Waits.
    pub delay: B::Delay,
    /// Takes bytes for whoever is attached.
    pub console: Option<B::Console>,
    /// Where sensors are.
    pub sensor_bus: Option<B::SensorBus>,
}

/// A clock that never goes backwards and never jumps. Says nothing about the time of day.
pub trait Clock {
    /// Milliseconds since some start, which is at a reset or before.
    fn now_ms(&self) -> u64;
}

impl<T: Clock + ?Sized> Clock for &T {
    fn now_ms(&self) -> u64 {
        T::now_ms(self)
    }
}
