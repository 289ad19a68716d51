//! What happens later.

use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Timer {
    /// Power came; the firmware of the modem is up.
    Booted,
    /// The network has decided.
    Registered,
    /// The network is back.
    OutageOver,
    /// Announced data did not come.
    DataLate,
}

/// Few timers at a time: a list is enough.
#[derive(Debug, Default)]
pub(crate) struct Timers(Vec<(Instant, Timer)>);

impl Timers {
    pub(crate) fn set(&mut self, after: Duration, timer: Timer) {
        self.0.push((Instant::now() + after, timer));
    }

    pub(crate) fn cancel(&mut self, timer: Timer) {
        self.0.retain(|(_, other)| *other != timer);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Time until the next one; `None` if there is none.
    pub(crate) fn wait(&self) -> Option<Duration> {
        let next = self.0.iter().map(|(at, _)| *at).min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// The earliest that is due, taken out.
    pub(crate) fn due(&mut self) -> Option<Timer> {
        let now = Instant::now();
        let places = 0..self.0.len();
        let at = |place: &usize| self.0.get(*place).map(|(at, _)| *at);
        let place = places.min_by_key(at)?;
        (at(&place)? <= now).then(|| self.0.remove(place).1)
    }
}
