//! The network of a board.

use coracle_net::{Connect, Nal};
use embedded_nal_async::{Dns, TcpConnect};

/// Connections to nodes ([`Connect`], TLS included where the board has it), and plain
/// sockets and names for whatever else the program speaks.
pub trait Network: Connect + TcpConnect + Dns {
    /// What the network says the time is; `None` where it does not say, or not yet.
    ///
    /// # Cancel safety
    ///
    /// Changes nothing.
    #[expect(
        async_fn_in_trait,
        reason = "one executor on one core; whether futures are Send is the stack's choice"
    )]
    async fn time(&self) -> Option<NetworkTime> {
        None
    }
}

/// The time of day as a network tells it. Nobody signs it: it dates a record, and proves
/// nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NetworkTime {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub unix_s: u64,
}

impl<S> Network for Nal<S> where S: TcpConnect<Error: 'static> + Dns<Error: 'static> {}

#[cfg(feature = "std")]
impl Network for coracle_net::host::HostStack {
    async fn time(&self) -> Option<NetworkTime> {
        use std::time::{SystemTime, UNIX_EPOCH};
        let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        Some(NetworkTime {
            unix_s: since.as_secs(),
        })
    }
}
