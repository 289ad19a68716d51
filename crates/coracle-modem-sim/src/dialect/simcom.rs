//! SIMCom: A76xx and SIM7600.
//!
//! Facts: "SIM7500/SIM7600 Series AT Command Manual", "A76XX Series AT Command Manual",
//! "A7600 Series TCPIP Application Note", "A7600 Series SSL Application Note".

mod certificates;
mod housekeeping;
mod ip;
mod ssl;

use crate::{
    answer::{Answer, Done, Refusal},
    command::Command,
    core::Core,
    dialect::{Personality, Purpose, Vendor},
    profile::Profile,
    sockets::{Family, Slot, SocketEvent},
};

pub(crate) static PERSONALITY: Personality = Personality {
    manufacturer: "SIMCOM INCORPORATED",
    model: "A7670E-FASE",
    revision: "A7670M6_V1.11.1",
    banner: &["*ATREADY: 1"],
    ready: &["SMS DONE", "PB DONE"],
    profile: Profile {
        echo: true,
        verbose: true,
        quiet: false,
        cmee: 2,
    },
    epoch: "70/01/01,00:00:00+00",
    chatter: &["SMS DONE", "PB DONE", "+CGEV: EPS PDN ACT 1"],
    power_off: ("+CPOF", None),
    restart: "+CRESET",
};

/// `<err>` of the TCP/IP commands.
mod error {
    pub(super) const OK: u8 = 0;
    pub(super) const NETWORK: u8 = 1;
    pub(super) const NOT_OPENED: u8 = 2;
    pub(super) const NOT_SUPPORTED: u8 = 4;
    pub(super) const SOCKET: u8 = 5;
    pub(super) const TIMEOUT: u8 = 10;
    pub(super) const DNS: u8 = 11;
}

/// Settings that power does not keep.
#[derive(Debug, Default)]
pub(crate) struct Simcom {
    ip: ip::Ip,
    ssl: ssl::Ssl,
}

impl Vendor for Simcom {
    fn command(&mut self, core: &mut Core, command: &Command) -> Option<Answer> {
        ip::command(&mut self.ip, core, command)
            .or_else(|| ssl::command(&mut self.ssl, core, command))
            .or_else(|| certificates::command(core, command))
            .or_else(|| housekeeping::command(core, command))
    }

    fn data(&mut self, core: &mut Core, purpose: Purpose, bytes: Vec<u8>) -> Answer {
        match purpose {
            Purpose::Send(slot) if slot.family == Family::Plain => ip::send(core, slot, &bytes),
            Purpose::Send(slot) => ssl::send(&self.ssl, core, slot, &bytes),
            Purpose::File(name) => match core.files.write(&name, bytes) {
                true => Ok(Done::Ok),
                false => Err(Refusal::Error),
            },
        }
    }

    fn socket(&mut self, core: &mut Core, slot: Slot, what: SocketEvent) {
        match slot.family {
            Family::Plain => ip::event(&self.ip, core, slot, what),
            Family::Tls => ssl::event(&self.ssl, core, slot, what),
        }
    }

    fn contexts_lost(&mut self, core: &mut Core, _: &[u8]) {
        core.close_all();
        if std::mem::take(&mut self.ip.is_open) {
            core.urc("+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY");
        }
        if self.ssl.stop() {
            core.urc("+CCH: CCH STOP");
        }
    }

    fn restart(&mut self) {
        *self = Self::default();
    }
}
