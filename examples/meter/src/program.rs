//! The program: from a board and settings to readings that the chain holds for good.
//!
//! The same for every board and for the host; what differs is in [`Board`] and in who
//! [watches](Watch).

use core::fmt;
use core::pin::pin;

use coracle::board::{Board, Clock, Network, Parts};
use coracle::client::eth::{
    self, ClientError, Config, EthClient, Limits, MemoryError, MemoryOutbox,
};
use coracle::core::ecdsa::Secp256k1;
use coracle::core::{Address, Encode as _, ErrorKind, Signer, Sink, Wei};
use coracle::eth::ChainProfile;
use coracle::eth::rpc::BlockTag;
use coracle::net::Connect;
use coracle::net::http::Target;
use coracle::record::{BundleHeader, DeviceId, TimeSource, Timestamp};
use embedded_hal_async::delay::DelayNs as _;
use embedded_io::Write;

use crate::contract::Tip;
use crate::device::{Cause, Explained, Meter, MeterError, Watch};
use crate::sensor::Household;

/// Entries that the outbox holds: readings on their way to finality.
const PLACES: usize = 4;

/// Call data of one entry in bytes; a reading is 324.
const PLACE_LEN: usize = 384;

/// Answers in a row that make no sense before the run gives up: a damaged line looks like
/// a node that talks nonsense, and passes.
const MAX_NONSENSE: u8 = 8;

/// For a request's head or a window of its body, and for what comes back.
const NET_BUF_LEN: usize = 1024;

/// What no node can talk this meter into.
pub const LIMITS: Limits = Limits {
    max_fee_per_gas: Wei::from_gwei(500),
    max_priority_fee_per_gas: Wei::from_gwei(100),
    max_gas: 1_000_000,
    max_fee: Wei::from_gwei(100_000_000),
};

/// What a meter is told when it is installed.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// The chain.
    pub profile: ChainProfile,
    /// Its nodes, in order of preference.
    pub nodes: &'a [Target<'a>],
    /// The `MeterLog` that takes the readings.
    pub contract: Address,
    /// The meter's name, new to the contract.
    pub device: DeviceId,
    /// How many readings to take.
    pub readings: u32,
    /// Pause between readings in milliseconds.
    pub interval_ms: u32,
    /// What the household draws.
    pub seed: u64,
    /// Between two looks for a receipt, in milliseconds.
    pub poll_ms: u32,
    /// Looks before the run gives up.
    pub looks: u32,
}

type Outbox = MemoryOutbox<PLACES, PLACE_LEN>;

/// What a run keeps, apart from itself: as a value of a future it would be copied with it.
#[derive(Debug)]
pub struct Memory {
    outbox: Outbox,
    net_buf: [u8; NET_BUF_LEN],
    intent_buf: [u8; PLACE_LEN],
}

impl Memory {
    /// Nothing kept yet.
    pub const fn new() -> Self {
        Self {
            outbox: Outbox::new(),
            net_buf: [0; NET_BUF_LEN],
            intent_buf: [0; PLACE_LEN],
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a run on board `B` with signer `S` failed.
pub type Failure<B, S> =
    ProgramError<<<B as Board>::Network as Connect>::Error, <S as Signer>::Error>;

/// Takes the readings, waits until all are final, and compares the contract's count and
/// head with its own; gives what both hold.
///
/// The account of `signer` must have money before readings can be sent: the run waits for
/// it, `settings.looks` looks at the most. Each record goes to the board's console, where
/// there is one, as the next item of a bundle.
///
/// # Errors
///
/// What cannot pass by itself, or has not in `settings.looks` looks; `watch` is told
/// more of it.
///
/// # Cancel safety
///
/// State is in memory: a run that was dropped cannot be gone on with.
pub async fn run<B: Board, S: Signer<Curve = Secp256k1>>(
    parts: Parts<B>,
    signer: S,
    settings: &Settings<'_>,
    memory: &mut Memory,
    watch: &mut impl Watch,
) -> Result<Tip, Failure<B, S>>
where
    <B::Network as Connect>::Error: Cause,
    S::Error: Cause,
{
    let Parts {
        network,
        clock,
        delay,
        mut console,
        ..
    } = parts;
    let header = BundleHeader::new(settings.device, signer.public_key());
    header.encode(&mut Archive(console.as_mut()));
    let config = Config {
        profile: settings.profile,
        nodes: settings.nodes,
        limits: LIMITS,
        quorum: 1,
        poll_ms: settings.poll_ms,
        max_polls: settings.looks,
        fee_refresh: 100,
    };
    let client_parts = eth::Parts {
        stack: &network,
        signer,
        outbox: &mut memory.outbox,
        delay,
        net_buf: &mut memory.net_buf,
        intent_buf: &mut memory.intent_buf,
    };
    let client = EthClient::new(client_parts, config).map_err(MeterError::Client)?;
    let meter = Meter::new(client, settings.contract, settings.device);
    let mut run = Run::<B, _, _> {
        meter,
        settings,
        watch,
        console,
        open: 0,
        nonsense: 0,
    };
    // Pinned where it is made: `.await` alone would make it first and then copy it.
    let outcome = pin!(run.all(&network, &clock)).await;
    match &outcome {
        Ok(_) => {}
        Err(ProgramError::Meter(error)) => {
            let detail = run.meter.client().detail();
            run.watch.failure(&Explained { error, detail });
        }
        Err(error) => run.watch.failure(error),
    }
    outcome
}

/// The time of the first sample. Time is simulated from there, so that a run takes
/// seconds and its readings lie a quarter of an hour apart.
async fn start_time(
    network: &impl Network,
    clock: &impl Clock,
    settings: &Settings<'_>,
) -> Timestamp {
    let lived = u64::from(settings.readings).saturating_mul(u64::from(Household::PERIOD_S));
    match network.time().await {
        Some(time) => Timestamp::new(time.unix_s.saturating_sub(lived), TimeSource::Network),
        None => Timestamp::new(clock.now_ms() / 1000, TimeSource::Unknown),
    }
}

/// One run of the program.
struct Run<'a, 's, B: Board, S: Signer, W>
where
    B::Network: 'a,
{
    meter: Meter<'a, B::Network, S, &'a mut Outbox, B::Delay>,
    settings: &'s Settings<'s>,
    watch: &'s mut W,
    console: Option<B::Console>,
    /// Entries that are not final.
    open: usize,
    /// Answers in a row that made no sense.
    nonsense: u8,
}

impl<B: Board, S: Signer<Curve = Secp256k1>, W: Watch> Run<'_, '_, B, S, W>
where
    <B::Network as Connect>::Error: Cause,
    S::Error: Cause,
{
    async fn all(&mut self, network: &B::Network, clock: &B::Clock) -> Result<Tip, Failure<B, S>> {
        pin!(self.wait_for_funds()).await?;
        // State is in memory, so a device with a past would fork its chain of records.
        if pin!(self.tip()).await?.count > 0 {
            return Err(ProgramError::DeviceInUse);
        }
        let start = pin!(start_time(network, clock, self.settings)).await;
        pin!(self.read(start)).await?;
        let found = pin!(self.tip()).await?;
        let own = self.meter.own_tip();
        if found != own {
            return Err(ProgramError::Differs { found, own });
        }
        Ok(own)
    }

    /// A new key has no money. Whoever installs the meter sends some.
    async fn wait_for_funds(&mut self) -> Result<(), Failure<B, S>> {
        let account = self.meter.client().address();
        self.watch.account(account);
        for _ in 0..self.settings.looks {
            let client = self.meter.client();
            let balance = pin!(client.balance(account, BlockTag::Latest)).await;
            match balance {
                Ok(Wei::ZERO) => {}
                Ok(_) => return Ok(()),
                Err(error) => self.pass_over(error.into())?,
            }
            self.meter.rest().await;
        }
        Err(ProgramError::NoFunds)
    }

    /// Takes the readings, and wakes until all are final. A meter whose outbox is full
    /// stops reading until the chain has caught up.
    async fn read(&mut self, start: Timestamp) -> Result<(), Failure<B, S>> {
        let mut house = Household::new(self.settings.seed, start, 812_345);
        let (mut taken, mut looks) = (0, 0);
        while taken < self.settings.readings || self.open > 0 {
            if taken < self.settings.readings && self.open < PLACES {
                let interval_ms = self.settings.interval_ms;
                if taken > 0 && interval_ms > 0 {
                    self.meter.client().delay().delay_ms(interval_ms).await;
                }
                let sample = house.next_sample();
                let archive = &mut Archive(self.console.as_mut());
                pin!(self.meter.record(&sample, archive, self.watch)).await?;
                self.open = self.open.saturating_add(1);
                (taken, looks) = (taken.saturating_add(1), 0);
            } else if looks < self.settings.looks {
                self.meter.rest().await;
                looks = looks.saturating_add(1);
            } else {
                return Err(ProgramError::ChainTooSlow);
            }
            pin!(self.wake()).await?;
        }
        Ok(())
    }

    /// One wake of the radio. What passes by itself is left to the next.
    async fn wake(&mut self) -> Result<(), Failure<B, S>> {
        let outcome = pin!(self.meter.advance(self.watch)).await;
        match outcome {
            Ok(open) => {
                self.open = open;
                self.nonsense = 0;
            }
            Err(error) => self.pass_over(error)?,
        }
        self.meter.client().outbox().clear_settled();
        Ok(())
    }

    async fn tip(&mut self) -> Result<Tip, Failure<B, S>> {
        for _ in 0..self.settings.looks {
            let tip = pin!(self.meter.tip()).await;
            match tip {
                Ok(tip) => return Ok(tip),
                Err(error) => self.pass_over(error)?,
            }
            self.meter.rest().await;
        }
        Err(MeterError::Client(ClientError::TimedOut).into())
    }

    /// Tells about an error that passes by itself; gives any other back.
    fn pass_over(
        &mut self,
        error: MeterError<<B::Network as Connect>::Error, S::Error, MemoryError>,
    ) -> Result<(), Failure<B, S>> {
        let passes = match (error.kind(), &error) {
            (ErrorKind::Retry, _) => true,
            (ErrorKind::Remote, MeterError::Client(ClientError::Node(_))) => {
                self.nonsense = self.nonsense.saturating_add(1);
                self.nonsense < MAX_NONSENSE
            }
            _ => false,
        };
        if !passes {
            return Err(error.into());
        }
        let detail = self.meter.client().detail();
        let error = &error;
        self.watch.trouble(&Explained { error, detail });
        Ok(())
    }
}

/// Where the bundle goes: the board's console, or nowhere. A console that is gone does not
/// stop a meter.
struct Archive<'a, W>(Option<&'a mut W>);

impl<W: Write> Sink for Archive<'_, W> {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(console) = &mut self.0 {
            let _ = console.write_all(bytes);
        }
    }
}

/// Why the program stopped. `N` and `S` are the errors of network and signer.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ProgramError<N, S> {
    /// The meter.
    Meter(MeterError<N, S, MemoryError>),
    /// Nobody sent the account money.
    NoFunds,
    /// The contract holds records of this device already; give it another name.
    DeviceInUse,
    /// The chain does not keep up with the readings, or does not make the last ones final.
    ChainTooSlow,
    /// The contract holds something else than the meter sent.
    Differs {
        /// What the contract holds.
        found: Tip,
        /// What the meter sent.
        own: Tip,
    },
}

impl<N: fmt::Display, S: fmt::Display> fmt::Display for ProgramError<N, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Meter(cause) => cause.fmt(f),
            Self::NoFunds => f.write_str("the account has no money"),
            Self::DeviceInUse => f.write_str(
                "the contract holds records of this device already; name another with --device",
            ),
            Self::ChainTooSlow => f.write_str("the chain does not keep up with the readings"),
            Self::Differs { found, own } => write!(
                f,
                "the contract holds {} records with head {}, the meter made {} with head {}",
                found.count, found.head, own.count, own.head
            ),
        }
    }
}

impl<N, S> core::error::Error for ProgramError<N, S>
where
    N: core::error::Error + 'static,
    S: core::error::Error + 'static,
{
}

impl<N, S> From<MeterError<N, S, MemoryError>> for ProgramError<N, S> {
    fn from(cause: MeterError<N, S, MemoryError>) -> Self {
        Self::Meter(cause)
    }
}
