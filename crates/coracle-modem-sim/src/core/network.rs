//! Registration, contexts and time.

use crate::{
    clock,
    config::Clock,
    core::{Core, host_time},
    engine::Event,
    network::{REGISTRATIONS, outcome_stat, stat},
    timers::Timer,
};

impl Core {
    /// Radio or card changed: looks for a network if there can be one.
    pub(crate) fn search(&mut self) {
        let can = self.network.fun == 1 && self.card.require().is_ok() && self.network.cops.0 != 2;
        if !can {
            return self.deregister(stat::IDLE);
        }
        if self.network.stat == stat::IDLE {
            self.set_stat(stat::SEARCHING);
            self.timers
                .set(self.config.registration.delay, Timer::Registered);
        }
    }

    /// The network's decision.
    pub(crate) fn register(&mut self) {
        let outcome = outcome_stat(self.config.registration.outcome);
        self.network.is_attached = matches!(outcome, stat::HOME | stat::ROAMING);
        self.set_stat(outcome);
        if self.network.is_attached && self.config.clock != Clock::Unset {
            self.network.has_time = true;
            if self.network.zone_report > 0 {
                let zone = self.config.zone_quarters;
                self.urc(format!("+CTZV: {zone:+03}"));
            }
        }
    }

    /// Leaves the network; the engine tells the dialect which contexts went.
    pub(crate) fn deregister(&mut self, to: u8) {
        self.timers.cancel(Timer::Registered);
        self.timers.cancel(Timer::OutageOver);
        self.set_stat(to);
        self.drop_contexts();
    }

    /// Detaches and cuts every connection.
    pub(crate) fn drop_contexts(&mut self) {
        let lost = self.network.detach();
        if !lost.is_empty() {
            let _ = self.events.send(Event::ContextsLost(lost));
        }
    }

    fn set_stat(&mut self, to: u8) {
        if self.network.stat == to {
            return;
        }
        let before = [0, 1, 2].map(|which| self.stat_of(which));
        self.network.stat = to;
        for (which, name) in REGISTRATIONS.iter().enumerate() {
            let mode = self.network.modes.get(which).copied().unwrap_or(0);
            if mode > 0 && before.get(which) != Some(&self.stat_of(which)) {
                let text = self.registration_words(which);
                self.urc(format!("{name}: {text}"));
            }
        }
    }

    pub(crate) fn stat_of(&self, which: usize) -> u8 {
        self.network.stat_of(which, &self.config.registration)
    }

    /// `<stat>`, in mode 2 and above where the modem is, in mode 4 and above the timers of
    /// power saving.
    pub(crate) fn registration_words(&self, which: usize) -> String {
        let stat = self.stat_of(which);
        let mode = self.network.modes.get(which).copied().unwrap_or(0);
        if mode < 2 || !matches!(stat, stat::HOME | stat::ROAMING) {
            return stat.to_string();
        }
        let access = self.config.registration.access;
        let place = format!("{stat},\"1A2B\",\"01A2B3C4\",{access}");
        match &self.network.psm {
            Some((tau, active)) if mode >= 4 => format!("{place},,,\"{active}\",\"{tau}\""),
            _ => place,
        }
    }

    /// Unix time as the modem knows it; `None` before the network told.
    pub(crate) fn unix_time(&self) -> Option<i64> {
        self.network
            .has_time
            .then(|| host_time() + self.clock_offset)
    }

    pub(crate) fn set_unix_time(&mut self, unix: i64) {
        self.clock_offset = unix - host_time();
        self.network.has_time = true;
    }

    /// `CCLK`: local time with the zone in quarters of an hour.
    pub(crate) fn local_time(&self) -> String {
        let Some(unix) = self.unix_time() else {
            return self.personality.epoch.into();
        };
        let zone = self.config.zone_quarters;
        let local = unix + i64::from(zone) * 900;
        format!("{}{zone:+03}", clock::civil(local))
    }
}
