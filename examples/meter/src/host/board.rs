//! This host as a board.

use std::time::Instant;

use coracle::board::{Absent, Board, Clock, Network, NetworkTime, Parts};
use coracle::host::{FileFlash, FileSecret};
use coracle::net::host::HostStack;
use embedded_hal_async::delay::DelayNs;
use getrandom::SysRng;

use super::Counted;
use super::state::Chunk;

/// The sockets, the random source, the clock and some files of this host.
pub(super) struct HostBoard<'a, D> {
    pub(super) network: &'a Counted<HostStack>,
    pub(super) delay: &'a mut D,
    pub(super) flash: FileFlash,
    pub(super) secret: FileSecret,
    /// Takes what the program writes to the console: a bundle.
    pub(super) console: Chunk,
}

impl<'a, D: DelayNs> Board for HostBoard<'a, D> {
    type Network = &'a Counted<HostStack>;
    type Random = SysRng;
    type Flash = FileFlash;
    type Secret = FileSecret;
    type Clock = HostClock;
    type Delay = &'a mut D;
    type Console = Chunk;
    type SensorBus = Absent;

    fn into_parts(self) -> Parts<Self> {
        Parts {
            network: self.network,
            random: SysRng,
            flash: self.flash,
            secret: self.secret,
            clock: HostClock(Instant::now()),
            delay: self.delay,
            console: Some(self.console),
            sensor_bus: None,
        }
    }
}

impl Network for &Counted<HostStack> {
    async fn time(&self) -> Option<NetworkTime> {
        self.inner().time().await
    }
}

/// Since the program started.
pub(super) struct HostClock(Instant);

impl Clock for HostClock {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
