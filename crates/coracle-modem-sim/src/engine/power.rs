//! Switching on and off.

use crate::{core::Power, engine::Engine, fault::FaultKind, timers::Timer};

impl Engine {
    pub(super) fn power_on(&mut self) {
        self.power_off();
        self.core.power = Power::Booting;
        self.core.timers.set(self.core.config.boot, Timer::Booted);
    }

    /// Ends without a word; only card, flash and stored settings survive.
    pub(super) fn power_off(&mut self) {
        self.core.power = Power::Off;
        self.core.close_all();
        self.core.timers.clear();
        self.core.hush();
        self.core.card.lock();
        self.core.network.restart();
        self.core.want = None;
        self.core.sleep_allowed = false;
        self.vendor.restart();
        self.line.clear();
        self.backlog.clear();
        self.core.is_blocked = false;
        self.core.is_busy = false;
        self.core.unblocked = None;
    }

    /// Leaves the network first and says so.
    pub(super) fn power_down(&mut self) {
        let (_, farewell) = self.core.personality.power_off;
        if let Some(farewell) = farewell {
            self.core.line(farewell);
            self.core.flush();
        }
        self.core.log('*', "powered down");
        self.power_off();
    }

    pub(super) fn booted(&mut self) {
        self.core.power = Power::On;
        self.core.profile = self.core.stored;
        self.core.command = "(boot)".into();
        self.core.log('*', "powered up");
        self.core.record.lock().counters.boots += 1;
        if self.core.fires(FaultKind::BootGarbage) {
            self.core.raw(b"\0\xff\x80~\r\nx\xfe".as_slice());
        }
        let personality = self.core.personality;
        for line in personality.banner {
            self.core.line(line);
        }
        if let Ok(status) = self.core.card.status()
            && !personality.banner.is_empty()
        {
            self.core.line(format!("+CPIN: {status}"));
        }
        for line in personality.ready {
            self.core.line(line);
        }
        self.core.flush();
        self.core.search();
    }
}
