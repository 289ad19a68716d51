//! The machine with a modem at its UART, as a board.

use coracle::board::{Absent, AtNetwork, Board, Parts};
use coracle::modem::{Config, Dialect, Pins};
use embassy_time::Delay;

use crate::{
    Clock, Console, ControlPin, Flash, InjectedRandom, InjectedSecret, ModemUart, Peripherals,
};

/// The machine with a modem of dialect `D` at its modem UART.
pub struct Qemu<'c, D> {
    peripherals: Peripherals,
    dialect: D,
    config: Config<'c>,
}

impl<'c, D: Dialect> Qemu<'c, D> {
    /// Puts the board together. Says nothing to the modem yet.
    pub const fn new(peripherals: Peripherals, dialect: D, config: Config<'c>) -> Self {
        Self {
            peripherals,
            dialect,
            config,
        }
    }
}

impl<'c, D: Dialect> Board for Qemu<'c, D> {
    type Network = AtNetwork<'c, D, ModemUart, Pins<ControlPin, ControlPin, ControlPin>, Delay>;
    type Random = InjectedRandom;
    type Flash = Flash;
    type Secret = InjectedSecret;
    type Clock = Clock;
    type Delay = Delay;
    type Console = Console;
    type SensorBus = Absent;

    fn into_parts(self) -> Parts<Self> {
        let Peripherals {
            console,
            modem_uart,
            pins,
            random,
            flash,
            secret,
            clock,
            delay,
        } = self.peripherals;
        Parts {
            network: AtNetwork::new(self.dialect, modem_uart, pins, Delay, self.config),
            random,
            flash,
            secret,
            clock,
            delay,
            console: Some(console),
            sensor_bus: None,
        }
    }
}
