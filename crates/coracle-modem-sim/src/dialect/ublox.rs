//! u-blox: SARA-R5, and SARA-R4 where it does the same.
//!
//! Facts: "SARA-R4 series AT commands manual" (UBX-17003787), "SARA-R5 series AT commands
//! manual" (UBX-19047455), "SARA-R4/SARA-R5 Internet applications development guide"
//! (UBX-20032566).

mod housekeeping;
mod profile;
mod security;
mod socket;

use crate::{
    answer::{Answer, Refusal},
    command::Command,
    core::Core,
    dialect::{Personality, Purpose, Vendor},
    profile::Profile,
    sockets::{Slot, SocketEvent},
};

pub(crate) static PERSONALITY: Personality = Personality {
    manufacturer: "u-blox",
    model: "SARA-R510S",
    revision: "03.15",
    banner: &[],
    ready: &[],
    profile: Profile {
        echo: true,
        verbose: true,
        quiet: false,
        cmee: 0,
    },
    epoch: "15/01/01,00:00:00+00",
    chatter: &["+CTZV: +00", "+UUPSMR: 0", "+CGEV: ME PDN ACT 1"],
    power_off: ("+CPWROFF", None),
    restart: "",
};

/// Settings that power does not keep.
#[derive(Debug, Default)]
pub(crate) struct Ublox {
    sockets: socket::Sockets,
    profile: profile::PsdProfile,
    security: security::Security,
    /// `UDCONF=1,1`: data in hexadecimal.
    hex: bool,
}

impl Vendor for Ublox {
    fn command(&mut self, core: &mut Core, command: &Command) -> Option<Answer> {
        socket::command(self, core, command)
            .or_else(|| profile::command(&mut self.profile, core, command))
            .or_else(|| security::command(&mut self.security, core, command))
            .or_else(|| housekeeping::command(&mut self.hex, core, command))
    }

    fn data(&mut self, core: &mut Core, purpose: Purpose, bytes: Vec<u8>) -> Answer {
        match purpose {
            Purpose::Send(slot) => socket::send(self, core, slot, &bytes),
            Purpose::File(name) => security::stored(core, &name, bytes),
        }
    }

    fn socket(&mut self, core: &mut Core, slot: Slot, what: SocketEvent) {
        socket::event(self, core, slot, what);
    }

    fn contexts_lost(&mut self, core: &mut Core, _: &[u8]) {
        socket::all_closed(self, core);
        core.urc("+UUPSDD: 0");
    }

    fn restart(&mut self) {
        *self = Self::default();
    }
}

/// Every failure has one name here; `USOER` tells more.
const NOT_ALLOWED: Refusal = Refusal::NOT_ALLOWED;
