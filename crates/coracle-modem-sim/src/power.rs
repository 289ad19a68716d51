//! What the radio costs, by a model of four times.
//!
//! ```text
//! connect | data, round trips | tail | paging (T3324) | asleep ... T3412: update
//! <------------- radio on ----------->
//! ```
//!
//! The radio comes on for `connect`, stays on while there is traffic and for `tail` after
//! the last packet (the network's inactivity timer). Then the modem listens for paging
//! during T3324 and sleeps (power saving mode, 23.682 4.5.4); after T3412 it wakes for a
//! tracking area update, which is a connection without data.

use std::{fmt, time::Duration};

/// The parameters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PowerModel {
    /// From radio off to the first byte.
    pub connect: Duration,
    /// The network's inactivity timer.
    pub tail: Duration,
    /// Active time, in which the modem can be reached after the tail.
    pub t3324: Duration,
    /// Time between two updates.
    pub t3412: Duration,
    /// A packet and its answer, for [`estimate`].
    pub round_trip: Duration,
    /// Bytes per second on the air, for [`estimate`].
    pub bytes_per_second: u32,
}

/// 1 s to connect, 10 s tail, T3324 10 s, T3412 24 h; 150 ms and 30 kB/s, as on LTE-M.
impl Default for PowerModel {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            tail: Duration::from_secs(10),
            t3324: Duration::from_secs(10),
            t3412: Duration::from_hours(24),
            round_trip: Duration::from_millis(150),
            bytes_per_second: 30_000,
        }
    }
}

impl fmt::Display for PowerModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "connect {:.3} s, tail {:.3} s, T3324 {:.3} s, T3412 {:.3} s",
            self.connect.as_secs_f64(),
            self.tail.as_secs_f64(),
            self.t3324.as_secs_f64(),
            self.t3412.as_secs_f64()
        )
    }
}

/// Where the time went.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RadioReport {
    /// Times that the radio came on for data.
    pub wakeups: u32,
    /// Times that it came on for an update.
    pub updates: u32,
    /// Radio on, updates included.
    pub on: Duration,
    /// Listening for paging.
    pub paging: Duration,
    /// Asleep.
    pub asleep: Duration,
}

impl fmt::Display for RadioReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "on {:.3} s in {} wake-ups and {} updates, paging {:.3} s, asleep {:.3} s",
            self.on.as_secs_f64(),
            self.wakeups,
            self.updates,
            self.paging.as_secs_f64(),
            self.asleep.as_secs_f64()
        )
    }
}

/// Turns moments of traffic into radio time.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    model: PowerModel,
    done: RadioReport,
    /// First and last moment of the traffic that keeps the radio on.
    burst: Option<(Duration, Duration)>,
}

impl Meter {
    pub(crate) fn new(model: PowerModel) -> Self {
        Self {
            model,
            done: RadioReport::default(),
            burst: None,
        }
    }

    pub(crate) const fn model(&self) -> PowerModel {
        self.model
    }

    /// A packet at `now`, counted from any start; moments come in order.
    pub(crate) fn activity(&mut self, now: Duration) {
        match self.burst {
            Some((first, last)) if now <= last + self.model.tail => {
                self.burst = Some((first, now));
            }
            Some((first, last)) => {
                self.model.add_burst(&mut self.done, first, last, now);
                self.burst = Some((now, now));
            }
            None => self.burst = Some((now, now)),
        }
    }

    /// As if the run ended at `now`; a tail that has begun counts until then.
    pub(crate) fn report(&self, now: Duration) -> RadioReport {
        let mut report = self.done;
        if let Some((first, last)) = self.burst {
            self.model.add_burst(&mut report, first, last, now);
        }
        report
    }
}

impl PowerModel {
    /// Adds traffic from `first` to `last`, its tail, and the time until `next`.
    fn add_burst(&self, report: &mut RadioReport, first: Duration, last: Duration, next: Duration) {
        let end = (last + self.tail).min(next);
        report.wakeups += 1;
        report.on += self.connect + end.saturating_sub(first);
        self.add_idle(report, next.saturating_sub(end));
    }

    fn add_idle(&self, report: &mut RadioReport, idle: Duration) {
        let paging = idle.min(self.t3324);
        let updates = idle.as_millis().checked_div(self.t3412.as_millis());
        let updates = updates
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(0);
        let on = (self.connect + self.tail) * updates;
        report.updates += updates;
        report.on += on;
        report.paging += paging;
        report.asleep += idle.saturating_sub(paging + on);
    }
}

/// What a device does, for [`estimate`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Usage {
    /// Evenly over the day.
    pub readings_per_day: u32,
    /// Payload of TCP for one reading, both directions together.
    pub bytes: u64,
    /// Times that the device waits for an answer: opening a connection is one.
    pub round_trips: u32,
}

/// What a reading costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Radio on for one reading, its share of updates included.
    pub radio_on_seconds: f64,
    /// On the air for one reading, with 40 bytes of headers for each packet.
    pub bytes_on_air: u64,
    /// Radio on for a day.
    pub radio_on_seconds_per_day: f64,
}

/// IPv4 and TCP without options.
const HEADER_LEN: u64 = 40;
/// Payload of a full packet.
const PACKET: u64 = 1360;

/// What `usage` costs by `model`, without running anything.
///
/// Each round trip is a packet out and a packet in, and each further 1360 bytes of payload
/// one more; a packet has 40 bytes of headers. Readings that come sooner than the tail
/// ends share it.
pub fn estimate(usage: &Usage, model: &PowerModel) -> Estimate {
    let packets = 2 * u64::from(usage.round_trips) + usage.bytes / PACKET;
    let bytes_on_air = usage.bytes + packets * HEADER_LEN;
    let on_air = Duration::from_micros(
        (bytes_on_air * 1_000_000) / u64::from(model.bytes_per_second.max(1)),
    );
    let traffic = model.round_trip * usage.round_trips + on_air;
    let readings = usage.readings_per_day.max(1);
    let interval = Duration::from_hours(24) / readings;
    let on = model.connect + traffic + model.tail;
    let radio_on = match on < interval {
        true => {
            let mut report = RadioReport::default();
            model.add_idle(&mut report, interval - on);
            on + report.on
        }
        // The radio never goes off.
        false => interval,
    };
    Estimate {
        radio_on_seconds: radio_on.as_secs_f64(),
        bytes_on_air,
        radio_on_seconds_per_day: (radio_on * readings).as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> PowerModel {
        PowerModel {
            connect: Duration::from_secs(2),
            tail: Duration::from_secs(10),
            t3324: Duration::from_secs(5),
            t3412: Duration::from_secs(100),
            ..PowerModel::default()
        }
    }

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn traffic_within_the_tail_is_one_wake_up() {
        let mut meter = Meter::new(model());
        for seconds in [100, 103, 113] {
            meter.activity(at(seconds));
        }
        let report = meter.report(at(140));
        assert_eq!(report.wakeups, 1);
        assert_eq!(report.on, at(2 + 13 + 10));
        assert_eq!((report.paging, report.asleep), (at(5), at(12)));
    }

    #[test]
    fn traffic_after_the_tail_is_another() {
        let mut meter = Meter::new(model());
        meter.activity(at(0));
        meter.activity(at(11));
        assert_eq!(meter.report(at(11)).wakeups, 2);
        assert_eq!(meter.report(at(11)).on, at(2 + 10 + 2));
    }

    #[test]
    fn a_tail_that_is_cut_counts_until_the_end() {
        let mut meter = Meter::new(model());
        meter.activity(at(0));
        assert_eq!(meter.report(at(4)).on, at(2 + 4));
    }

    #[test]
    fn updates_come_with_t3412() {
        let mut meter = Meter::new(model());
        meter.activity(at(0));
        let report = meter.report(at(10 + 250));
        assert_eq!(report.updates, 2);
        assert_eq!(report.on, at(2 + 10 + 2 * 12));
        assert_eq!(report.asleep, at(250 - 5 - 24));
    }

    #[test]
    fn fewer_readings_cost_more_each_and_less_a_day() {
        let usage = |readings_per_day| Usage {
            readings_per_day,
            bytes: 1500,
            round_trips: 4,
        };
        let costs = [1, 24, 96].map(|count| estimate(&usage(count), &PowerModel::default()));
        assert_eq!(costs[0].bytes_on_air, 1500 + 9 * 40);
        for pair in costs.windows(2) {
            assert!(pair[0].radio_on_seconds >= pair[1].radio_on_seconds);
            assert!(pair[0].radio_on_seconds_per_day < pair[1].radio_on_seconds_per_day);
        }
        // 1 s, 4 * 150 ms, 62 ms, 10 s.
        assert!((costs[2].radio_on_seconds - 11.662).abs() < 1e-9);
    }

    #[test]
    fn readings_without_a_pause_keep_the_radio_on() {
        let usage = Usage {
            readings_per_day: 86_400,
            bytes: 100,
            round_trips: 1,
        };
        let cost = estimate(&usage, &PowerModel::default());
        assert!((cost.radio_on_seconds_per_day - 86_400.0).abs() < 1e-6);
    }
}
