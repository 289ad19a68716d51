//! Quectel: EC2x, EG9x, BG9x.
//!
//! Facts: "BG95&BG77 Series TCP/IP Application Note", "EC2x&EG9x&EG2x-G&EM05 Series
//! TCP/IP Application Note", "EC25&EC21 AT Commands Manual".

mod context;
mod data;
mod errors;
mod files;
mod housekeeping;
mod ssl;

use crate::{
    answer::{Answer, Done, Refusal},
    command::Command,
    core::Core,
    dialect::{Personality, Purpose, Vendor},
    profile::Profile,
    sockets::{Family, OpenError, Slot, SocketEvent},
};

pub(crate) static PERSONALITY: Personality = Personality {
    manufacturer: "Quectel",
    model: "EC25",
    revision: "EC25EFAR06A06M4G",
    banner: &["RDY", "+CFUN: 1"],
    ready: &["+QIND: SMS DONE"],
    profile: Profile {
        echo: true,
        verbose: true,
        quiet: false,
        cmee: 1,
    },
    epoch: "80/01/06,00:00:00+00",
    chatter: &["+QIND: \"csq\",20,99", "+CTZV: +00", "+QIND: SMS DONE"],
    power_off: ("+QPOWD", Some("POWERED DOWN")),
    restart: "+CFUN=1,1",
};

/// Connection ids 0 to 11.
const SOCKETS: u8 = 12;
/// Most bytes of one `QISEND` or `QSSLSEND`, and of one `QIRD` or `QSSLRECV`.
const MAX_SEND: u32 = 1460;
const MAX_READ: u32 = 1500;

/// Settings that power does not keep.
#[derive(Debug)]
pub(crate) struct Quectel {
    /// What `QIGETERROR` tells.
    last_error: u16,
    /// `QISDE`: data to send is echoed, like everything else.
    echoes_data: bool,
    /// `QICFG="dataformat"`: hexadecimal to send, and received.
    hex: (bool, bool),
    ssl: ssl::Ssl,
}

impl Default for Quectel {
    fn default() -> Self {
        Self {
            last_error: 0,
            echoes_data: true,
            hex: (false, false),
            ssl: ssl::Ssl::default(),
        }
    }
}

impl Vendor for Quectel {
    fn command(&mut self, core: &mut Core, command: &Command) -> Option<Answer> {
        context::command(self, core, command)
            .or_else(|| data::command(self, core, command))
            .or_else(|| ssl::command(self, core, command))
            .or_else(|| files::command(core, command))
            .or_else(|| housekeeping::command(self, core, command))
    }

    fn data(&mut self, core: &mut Core, purpose: Purpose, bytes: Vec<u8>) -> Answer {
        match purpose {
            Purpose::Send(slot) => {
                if core.profile.echo && self.echoes_data {
                    core.raw(bytes.as_slice());
                }
                data::send(core, slot, &bytes)
            }
            Purpose::File(name) => files::uploaded(core, &name, bytes),
        }
    }

    fn socket(&mut self, core: &mut Core, slot: Slot, what: SocketEvent) {
        let Slot { family, id } = slot;
        match what {
            SocketEvent::Opened => core.urc(format!("{}: {id},0", opened(family))),
            SocketEvent::Failed(error) => {
                self.last_error = errors::of_open(&error);
                core.urc(format!("{}: {id},{}", opened(family), self.last_error));
            }
            SocketEvent::Readable => data::received(self, core, slot),
            SocketEvent::Closed => core.urc(format!("{}: \"closed\",{id}", notice(family))),
        }
    }

    fn contexts_lost(&mut self, core: &mut Core, contexts: &[u8]) {
        core.close_all();
        for id in contexts {
            core.urc(format!("+QIURC: \"pdpdeact\",{id}"));
        }
    }

    fn restart(&mut self) {
        *self = Self::default();
    }
}

const fn opened(family: Family) -> &'static str {
    match family {
        Family::Plain => "+QIOPEN",
        Family::Tls => "+QSSLOPEN",
    }
}

const fn notice(family: Family) -> &'static str {
    match family {
        Family::Plain => "+QIURC",
        Family::Tls => "+QSSLURC",
    }
}

impl Quectel {
    /// `ERROR`, with a reason for `QIGETERROR`.
    fn refuse(&mut self, error: u16) -> Refusal {
        self.last_error = error;
        Refusal::Error
    }

    /// `OK` now and the reason in a line of its own afterwards.
    fn fail_later(&mut self, core: &mut Core, slot: Slot, error: u16) -> Answer {
        self.last_error = error;
        core.urc(format!("{}: {},{error}", opened(slot.family), slot.id));
        Ok(Done::Ok)
    }
}
