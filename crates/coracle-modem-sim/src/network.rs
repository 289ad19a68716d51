//! Registration and data contexts.

use std::collections::BTreeMap;

use crate::{
    answer::Refusal,
    config::{Apn, Registration, RegistrationOutcome},
};

/// `<stat>` of 27.007 7.2 and 10.1.
pub(crate) mod stat {
    pub(crate) const IDLE: u8 = 0;
    pub(crate) const HOME: u8 = 1;
    pub(crate) const SEARCHING: u8 = 2;
    pub(crate) const DENIED: u8 = 3;
    pub(crate) const ROAMING: u8 = 5;
}

/// `CREG`, `CGREG`, `CEREG`.
pub(crate) const REGISTRATIONS: [&str; 3] = ["+CREG", "+CGREG", "+CEREG"];

/// A data context.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Context {
    pub(crate) kind: String,
    pub(crate) apn: String,
    pub(crate) login: Option<(String, String)>,
    pub(crate) is_active: bool,
    /// The network took it away and the firmware has not said that it knows.
    pub(crate) is_lost: bool,
}

#[derive(Debug)]
pub(crate) struct Network {
    /// `CFUN`: 0 off, 1 on, 4 radio off.
    pub(crate) fun: u8,
    pub(crate) stat: u8,
    /// `<n>` of the three registration commands.
    pub(crate) modes: [u8; 3],
    pub(crate) is_attached: bool,
    pub(crate) contexts: BTreeMap<u8, Context>,
    /// `COPS` mode and format.
    pub(crate) cops: (u8, u8),
    pub(crate) has_time: bool,
    /// `CTZU` and `CTZR`.
    pub(crate) zone_update: u8,
    pub(crate) zone_report: u8,
    /// `CPSMS`: the two timers as bit strings.
    pub(crate) psm: Option<(String, String)>,
    /// `CEDRXS`: mode and value.
    pub(crate) edrx: Option<(u8, String)>,
}

impl Network {
    pub(crate) fn new() -> Self {
        Self {
            fun: 1,
            stat: stat::IDLE,
            modes: [0; 3],
            is_attached: false,
            contexts: BTreeMap::new(),
            cops: (0, 0),
            has_time: false,
            zone_update: 0,
            zone_report: 0,
            psm: None,
            edrx: None,
        }
    }

    /// Power came back: definitions of contexts and power saving are kept in flash.
    pub(crate) fn restart(&mut self) {
        let mut contexts = std::mem::take(&mut self.contexts);
        for context in contexts.values_mut() {
            (context.is_active, context.is_lost) = (false, false);
        }
        let (psm, edrx) = (self.psm.take(), self.edrx.take());
        *self = Self {
            contexts,
            psm,
            edrx,
            ..Self::new()
        };
    }

    pub(crate) const fn is_registered(&self) -> bool {
        matches!(self.stat, stat::HOME | stat::ROAMING)
    }

    /// `<stat>` as one of the three commands reports it.
    pub(crate) fn stat_of(&self, which: usize, registration: &Registration) -> u8 {
        match which {
            2 => self.stat,
            _ if registration.circuit_switched => self.stat,
            _ => stat::IDLE,
        }
    }

    /// Everything that needs the network is gone; says which contexts were active.
    pub(crate) fn detach(&mut self) -> Vec<u8> {
        self.is_attached = false;
        let mut lost = Vec::new();
        for (id, context) in &mut self.contexts {
            if std::mem::take(&mut context.is_active) {
                context.is_lost = true;
                lost.push(*id);
            }
        }
        lost
    }

    /// Asks the network for an address.
    pub(crate) fn activate(&mut self, id: u8, apn: Option<&Apn>) -> Result<(), Refusal> {
        if !self.is_registered() || !self.is_attached {
            return Err(Refusal::NO_NETWORK);
        }
        let context = self.contexts.entry(id).or_default();
        if let Some(apn) = apn
            && (context.apn != apn.name || context.login != apn.login)
        {
            return Err(Refusal::NO_NETWORK);
        }
        (context.is_active, context.is_lost) = (true, false);
        Ok(())
    }

    pub(crate) fn deactivate(&mut self, id: u8) {
        if let Some(context) = self.contexts.get_mut(&id) {
            (context.is_active, context.is_lost) = (false, false);
        }
    }

    pub(crate) fn is_active(&self, id: u8) -> bool {
        self.contexts.get(&id).is_some_and(|one| one.is_active)
    }

    /// Address of a context: private, and different for each.
    pub(crate) fn address(id: u8) -> String {
        format!("10.64.0.{}", 1 + u16::from(id))
    }
}

pub(crate) const fn outcome_stat(outcome: RegistrationOutcome) -> u8 {
    match outcome {
        RegistrationOutcome::Home => stat::HOME,
        RegistrationOutcome::Roaming => stat::ROAMING,
        RegistrationOutcome::Denied => stat::DENIED,
        RegistrationOutcome::Searching => stat::SEARCHING,
    }
}
