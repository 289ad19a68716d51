//! The emulated boards, and the modems beside them.

use std::fmt;
use std::str::FromStr;

use super::error::{Error, Result};

/// A board that QEMU emulates.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Board {
    /// Cortex-M4F.
    Mps2An386,
    /// Cortex-M33.
    Mps2An505,
    /// RV32IMAC.
    Riscv32Virt,
}

impl Board {
    /// Every board, the usual one first.
    pub const ALL: [Self; 3] = [Self::Mps2An386, Self::Mps2An505, Self::Riscv32Virt];

    /// The name on command lines, and of the cargo feature.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mps2An386 => "mps2-an386",
            Self::Mps2An505 => "mps2-an505",
            Self::Riscv32Virt => "riscv32-virt",
        }
    }

    /// The Rust target of its core.
    pub const fn target(self) -> &'static str {
        match self {
            Self::Mps2An386 => "thumbv7em-none-eabihf",
            Self::Mps2An505 => "thumbv8m.main-none-eabihf",
            Self::Riscv32Virt => "riscv32imac-unknown-none-elf",
        }
    }
}

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Board {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|board| board.name() == name);
        found.ok_or_else(|| format!("no board `{name}`").into())
    }
}

/// A family of modems, by the grammar of its AT commands.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Dialect {
    /// BG9x, EC2x, EC200.
    Quectel,
    /// A76xx, SIM7600.
    Simcom,
    /// SARA-R4, SARA-R5.
    Ublox,
}

impl Dialect {
    /// Every dialect, the usual one first.
    pub const ALL: [Self; 3] = [Self::Quectel, Self::Simcom, Self::Ublox];

    /// The name on command lines, and of the cargo feature.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quectel => "quectel",
            Self::Simcom => "simcom",
            Self::Ublox => "ublox",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dialect {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|dialect| dialect.name() == name);
        found.ok_or_else(|| format!("no dialect `{name}`").into())
    }
}
