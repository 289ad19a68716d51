//! What makers do in their own way.

pub(crate) mod hex;
mod quectel;
mod simcom;
mod ublox;

use std::fmt;

use crate::{
    answer::Answer,
    command::Command,
    config::Dialect,
    core::Core,
    profile::Profile,
    sockets::{Slot, SocketEvent},
};

/// What data is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    Send(Slot),
    File(String),
}

/// What a maker prints and presets.
#[derive(Debug)]
pub(crate) struct Personality {
    pub(crate) manufacturer: &'static str,
    pub(crate) model: &'static str,
    pub(crate) revision: &'static str,
    /// Lines after power on, before the card is known.
    pub(crate) banner: &'static [&'static str],
    /// Lines when everything is up.
    pub(crate) ready: &'static [&'static str],
    /// Settings of the factory.
    pub(crate) profile: Profile,
    /// `CCLK` before the network told the time.
    pub(crate) epoch: &'static str,
    /// Unsolicited lines of no importance.
    pub(crate) chatter: &'static [&'static str],
    /// Commands that switch the modem off, and the line that follows `OK`.
    pub(crate) power_off: (&'static str, Option<&'static str>),
    /// A command that restarts the modem, besides `CFUN=1,1`.
    pub(crate) restart: &'static str,
}

/// A maker's commands and habits.
pub(crate) trait Vendor: fmt::Debug + Send {
    /// `None` for a command that is not the maker's own.
    fn command(&mut self, core: &mut Core, command: &Command) -> Option<Answer>;

    /// Announced data is complete.
    fn data(&mut self, core: &mut Core, purpose: Purpose, bytes: Vec<u8>) -> Answer;

    /// Something happened to a connection.
    fn socket(&mut self, core: &mut Core, slot: Slot, what: SocketEvent);

    /// The network took these contexts away; the connections are cut already.
    fn contexts_lost(&mut self, core: &mut Core, contexts: &[u8]);

    /// Power was cut.
    fn restart(&mut self);
}

pub(crate) fn vendor(dialect: Dialect) -> (&'static Personality, Box<dyn Vendor>) {
    match dialect {
        Dialect::Quectel => (&quectel::PERSONALITY, Box::<quectel::Quectel>::default()),
        Dialect::Simcom => (&simcom::PERSONALITY, Box::<simcom::Simcom>::default()),
        Dialect::Ublox => (&ublox::PERSONALITY, Box::<ublox::Ublox>::default()),
    }
}
