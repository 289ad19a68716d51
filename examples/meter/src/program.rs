//! The program: from a board and settings to readings that the chain holds for good.
//!
//! The same for every board and for the host; what differs is in [`Board`] and in who
//! [watches](Watch).

use core::fmt;
use core::pin::pin;

use coracle::board::{Board, Clock, Network, Parts};
use coracle::client::eth::{self, ClientError, Config, Entry, EthClient, Intent, Limits};
use coracle::client::{Backoff, StoreOutbox, StoreOutboxError};
use coracle::core::ecdsa::{Secp256k1, SecretKey};
use coracle::core::{Address, Encode as _, ErrorKind, Signer as _, Sink, U256, Wei};
use coracle::eth::ChainProfile;
use coracle::eth::rpc::BlockTag;
use coracle::net::Connect;
use coracle::net::http::Target;
use coracle::record::{BundleHeader, DeviceId, Place, TimeSource, Timestamp};
use coracle::store::{
    self, Allowed, DeviceSecret, Intake, KeySlot, NoCounter, Policy, SlotError, SlotInfo, Store,
    StoreError, TxPolicy, WhenFull,
};
use embedded_hal_async::delay::DelayNs as _;
use embedded_io::Write;
use embedded_storage_async::nor_flash::{ErrorType, NorFlash};
use rand_core::{TryCryptoRng, TryRng as _};

use crate::contract::{Tip, device_topic};
use crate::device::{Cause, Explained, FlashCause, Meter, MeterError, Watch};
use crate::sensor::Household;

/// Entries that the outbox holds: readings on their way to finality.
const PLACES: usize = 4;

/// Call data of one entry in bytes; a reading is 324.
const PLACE_LEN: usize = 384;

/// Two for each entry, the key's, one for account, device and chain each, and three.
const ITEMS: usize = 2 * PLACES + SlotInfo::ITEMS + 6;

/// The longest item: an intent or an entry's state.
const ITEM_LEN: usize = {
    let intent = Intake::INTENT_OVERHEAD + INTENT_LEN;
    let state = Intake::STATE_OVERHEAD + Entry::MAX_ENCODED_LEN;
    if intent > state { intent } else { state }
};
const _: () = assert!(SlotInfo::MAX_LEN <= ITEM_LEN);

/// An intent as it stands in the outbox.
const INTENT_LEN: usize = Intent::MAX_ENCODED_OVERHEAD + PLACE_LEN;

const INTAKE: Intake = Intake {
    max_entries: PLACES,
    // A reading that was taken is not thrown away: the next one waits.
    when_full: WhenFull::Refuse,
    max_state: Entry::MAX_ENCODED_LEN,
};

/// Where the meter's key is.
const SLOT: u8 = 0;

/// Answers in a row that make no sense before the run gives up: a damaged line looks like
/// a node that talks nonsense, and passes.
const MAX_NONSENSE: u8 = 8;

/// The longest wait after failures, in waits between two looks.
const LONGEST_WAIT: u32 = 8;

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
    /// The meter's name, in the contract and in its own store.
    pub device: DeviceId,
    /// How many readings to take in the meter's whole life.
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

/// The working memory of a run, apart from it: as a value of a future it would be copied
/// with it.
#[derive(Debug)]
pub struct Memory {
    store: store::Memory<ITEMS, ITEM_LEN>,
    net_buf: [u8; NET_BUF_LEN],
    intent_buf: [u8; INTENT_LEN],
    record_buf: [u8; INTENT_LEN],
}

impl Memory {
    /// What of it is the store's, in bytes.
    pub const STORE_LEN: usize = size_of::<store::Memory<ITEMS, ITEM_LEN>>();

    /// Nothing in it.
    pub const fn new() -> Self {
        Self {
            store: store::Memory::new(),
            net_buf: [0; NET_BUF_LEN],
            intent_buf: [0; INTENT_LEN],
            record_buf: [0; INTENT_LEN],
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

type NetError<B> = <<B as Board>::Network as Connect>::Error;
type FlashError<B> = <<B as Board>::Flash as ErrorType>::Error;

/// Why a run on board `B` failed.
pub type Failure<B> = ProgramError<NetError<B>, FlashError<B>>;

/// Takes the readings, waits until all are final, and compares the contract's count and
/// head with its own; gives what both hold.
///
/// Key, numbers and readings on their way are on the board's flash. The first run makes
/// the key, or takes `key` where one is given; a run after a reset goes on where the one
/// before was stopped. The account must have money before readings can be sent: the run
/// waits for it, `settings.looks` looks at the most. Each record goes to the board's
/// console, where there is one, as the next item of a bundle; a run after a reset begins a
/// bundle of its own, with a record that may be in the one before as well.
///
/// # Errors
///
/// What cannot pass by itself, or has not in `settings.looks` looks; `watch` is told
/// more of it.
///
/// # Cancel safety
///
/// As a reset: the next run goes on.
pub async fn run<B: Board>(
    parts: Parts<B>,
    key: Option<&SecretKey<Secp256k1>>,
    settings: &Settings<'_>,
    memory: &mut Memory,
    watch: &mut impl Watch,
) -> Result<Tip, Failure<B>>
where
    NetError<B>: Cause,
    FlashError<B>: FlashCause,
{
    let Parts {
        network,
        clock,
        delay,
        mut console,
        flash,
        mut secret,
        mut random,
        ..
    } = parts;
    let jitter = random.try_next_u32().map_err(|_| ProgramError::NoRandom)?;
    let store = Store::new(flash, &mut memory.store, INTAKE);
    pin!(store.open_or_format(&mut random)).await?;
    pin!(provide_key(&store, key, settings, &mut secret, &mut random)).await?;
    let slot = pin!(store.open_slot::<Secp256k1, _, _>(SLOT, secret, random)).await?;
    if key.is_some_and(|key| key.public_key() != slot.public_key()) {
        return Err(ProgramError::OtherKey);
    }
    let header = BundleHeader::new(settings.device, slot.public_key());
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
        signer: slot,
        outbox: StoreOutbox::new(&store),
        delay,
        net_buf: &mut memory.net_buf,
        intent_buf: &mut memory.intent_buf,
    };
    let client = EthClient::new(client_parts, config).map_err(MeterError::Client)?;
    let next = pin!(next_place(&store, &settings.device)).await?;
    let meter = Meter::new(client, settings.contract, settings.device, next);
    let mut run = Run::<B, _> {
        meter,
        settings,
        watch,
        console,
        record_buf: &mut memory.record_buf,
        jitter,
        open: 0,
        failures: 0,
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

/// Makes the slot of the meter's key where there is none.
async fn provide_key<F, D, R>(
    store: &Store<'_, F>,
    key: Option<&SecretKey<Secp256k1>>,
    settings: &Settings<'_>,
    secret: &mut D,
    random: &mut R,
) -> Result<(), SlotError<F::Error>>
where
    F: NorFlash,
    D: DeviceSecret,
    R: TryCryptoRng,
{
    if store.slot(SLOT).await?.is_some() {
        return Ok(());
    }
    let policy = policy(settings);
    match key {
        Some(key) => store.import_slot(SLOT, &policy, key, secret, random).await,
        None => {
            let made = store.create_slot::<Secp256k1>(SLOT, &policy, secret, random);
            made.await.map(drop)
        }
    }
}

/// The key of records and that of the account are one here, which signs records, calls of
/// the contract on its chain, and what uses up a nonce for nothing. A product takes two
/// slots, so that neither can be talked into the other's work.
fn policy(settings: &Settings<'_>) -> Policy {
    let transactions = TxPolicy {
        chains: Allowed::only([settings.profile.chain_id.id()]),
        targets: Allowed::only([store::Target::from(settings.contract)]),
        creates_contracts: false,
        cancels: true,
        each: store::Limits {
            value: U256::ZERO,
            fee: LIMITS.max_fee.0,
        },
        daily: None,
    };
    Policy {
        records: true,
        is_hedged: true,
        ..Policy::transactions(transactions)
    }
}

/// Where the next record stands, as the store has it.
async fn next_place<F: FlashCause, T: NorFlash<Error = F>, N>(
    store: &Store<'_, T>,
    device: &DeviceId,
) -> Result<Place, ProgramError<N, F>> {
    let place = store.device(device_topic(device)).await?;
    let Some(place) = place else {
        return Ok(Place::FIRST);
    };
    Place::new(place.next_sequence, place.last_hash)
        .map_err(|cause| MeterError::Record(cause).into())
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

type Slot<'s, 'm, B> = KeySlot<
    's,
    'm,
    <B as Board>::Flash,
    NoCounter,
    Secp256k1,
    <B as Board>::Secret,
    <B as Board>::Random,
>;

type Outbox<'s, 'm, B> = StoreOutbox<'s, 'm, <B as Board>::Flash>;

/// One run of the program.
struct Run<'a, 's, 'm, B: Board, W>
where
    B::Network: 'a,
    FlashError<B>: FlashCause,
{
    meter: Meter<'a, B::Network, Slot<'s, 'm, B>, Outbox<'s, 'm, B>, B::Delay>,
    settings: &'a Settings<'a>,
    watch: &'a mut W,
    console: Option<B::Console>,
    record_buf: &'a mut [u8],
    /// For waits: no two meters that start at a time wait alike.
    jitter: u32,
    /// Entries that are not final.
    open: usize,
    /// Wakes in a row that failed.
    failures: u32,
    /// Answers in a row that made no sense.
    nonsense: u8,
}

impl<B: Board, W: Watch> Run<'_, '_, '_, B, W>
where
    NetError<B>: Cause,
    FlashError<B>: FlashCause,
{
    async fn all(&mut self, network: &B::Network, clock: &B::Clock) -> Result<Tip, Failure<B>> {
        pin!(self.wait_for_funds()).await?;
        pin!(self.resume()).await?;
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
    async fn wait_for_funds(&mut self) -> Result<(), Failure<B>> {
        let account = self.meter.client().address();
        self.watch.account(account);
        for _ in 0..self.settings.looks {
            let client = self.meter.client();
            let balance = pin!(client.balance(account, BlockTag::Latest)).await;
            match balance {
                Ok(Wei::ZERO) => self.is_well(),
                Ok(_) => return Ok(()),
                Err(error) => self.pass_over(error.into())?,
            }
            self.rest().await;
        }
        Err(ProgramError::NoFunds)
    }

    /// What the run before left: the archive's last record, entries on their way, the head.
    async fn resume(&mut self) -> Result<(), Failure<B>> {
        let archive = &mut Archive(self.console.as_mut());
        pin!(self.meter.repeat_newest(archive, self.record_buf)).await?;
        for _ in 0..self.settings.looks {
            let outcome = pin!(self.catch_up()).await;
            match outcome {
                Ok(()) => return Ok(()),
                Err(ProgramError::Meter(error)) => self.pass_over(error)?,
                Err(error) => return Err(error),
            }
            self.rest().await;
        }
        Err(MeterError::Client(ClientError::TimedOut).into())
    }

    /// Holds journal, outbox and head against the chain.
    async fn catch_up(&mut self) -> Result<(), Failure<B>> {
        let open = pin!(self.meter.client().reconcile()).await;
        self.open = open.map_err(MeterError::Client)?;
        // The reset may have come before this: what is settled still takes a place.
        let store = self.meter.client().outbox().store();
        pin!(store.clear_settled()).await?;
        let tip = pin!(self.meter.tip()).await?;
        if tip.count > self.meter.own_tip().count {
            return Err(ProgramError::Forgotten { found: tip.count });
        }
        pin!(self.meter.follow_chain(&tip, self.record_buf)).await?;
        self.is_well();
        Ok(())
    }

    /// Takes the readings that are left, and wakes until all are final. A meter whose
    /// outbox is full stops reading until the chain has caught up.
    async fn read(&mut self, start: Timestamp) -> Result<(), Failure<B>> {
        let mut house = Household::new(self.settings.seed, start, 812_345);
        let total = u64::from(self.settings.readings);
        let mut taken = self.meter.own_tip().count;
        for _ in 0..taken.min(total) {
            house.next_sample();
        }
        let mut looks = 0;
        while taken < total || self.open > 0 {
            if taken < total && self.open < PLACES {
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
                self.rest().await;
                looks = looks.saturating_add(1);
            } else {
                return Err(ProgramError::ChainTooSlow);
            }
            pin!(self.wake()).await?;
        }
        Ok(())
    }

    /// One wake of the radio. What passes by itself is left to the next.
    async fn wake(&mut self) -> Result<(), Failure<B>> {
        let outcome = pin!(self.meter.advance(self.watch)).await;
        match outcome {
            Ok(open) => {
                self.open = open;
                self.is_well();
            }
            Err(error) => self.pass_over(error)?,
        }
        let store = self.meter.client().outbox().store();
        pin!(store.clear_settled()).await?;
        Ok(())
    }

    async fn tip(&mut self) -> Result<Tip, Failure<B>> {
        for _ in 0..self.settings.looks {
            let tip = pin!(self.meter.tip()).await;
            match tip {
                Ok(tip) => return Ok(tip),
                Err(error) => self.pass_over(error)?,
            }
            self.rest().await;
        }
        Err(MeterError::Client(ClientError::TimedOut).into())
    }

    /// Waits for as long as lies between two looks, and longer after failures.
    async fn rest(&mut self) {
        let poll_ms = self.settings.poll_ms;
        let wait_ms = match self.failures.checked_sub(1) {
            None => poll_ms,
            Some(further) => {
                let backoff = Backoff {
                    base_ms: poll_ms,
                    cap_ms: poll_ms.saturating_mul(LONGEST_WAIT),
                };
                // A linear congruence: spread is wanted, not secrecy.
                self.jitter = self
                    .jitter
                    .wrapping_mul(1_664_525)
                    .wrapping_add(1_013_904_223);
                backoff.delay_ms(further, self.jitter)
            }
        };
        self.meter.client().delay().delay_ms(wait_ms).await;
    }

    const fn is_well(&mut self) {
        (self.failures, self.nonsense) = (0, 0);
    }

    /// Tells about an error that passes by itself; gives any other back.
    fn pass_over(&mut self, error: Trouble<B>) -> Result<(), Failure<B>> {
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
        self.failures = self.failures.saturating_add(1);
        let detail = self.meter.client().detail();
        let error = &error;
        self.watch.trouble(&Explained { error, detail });
        Ok(())
    }
}

/// What a meter on board `B` fails with.
type Trouble<B> =
    MeterError<NetError<B>, SlotError<FlashError<B>>, StoreOutboxError<FlashError<B>>>;

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

/// Why the program stopped. `N` and `F` are the errors of network and flash.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ProgramError<N, F> {
    /// The meter.
    Meter(MeterError<N, SlotError<F>, StoreOutboxError<F>>),
    /// The flash.
    Store(StoreError<F>),
    /// The key's slot.
    Slot(SlotError<F>),
    /// The board has no random numbers.
    NoRandom,
    /// The slot holds another key than the one that was given.
    OtherKey,
    /// Nobody sent the account money.
    NoFunds,
    /// The contract holds more records of this device than its flash knows of: the flash
    /// was put back or is another's. Nothing is signed, or a number would serve twice.
    Forgotten {
        /// How many the contract holds.
        found: u64,
    },
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

impl<N: fmt::Display, F: FlashCause> fmt::Display for ProgramError<N, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Meter(cause) => cause.fmt(f),
            Self::Store(cause) => cause.fmt(f),
            Self::Slot(cause) => cause.fmt(f),
            Self::NoRandom => f.write_str("the board has no random numbers"),
            Self::OtherKey => f.write_str("the meter has another key than the one given"),
            Self::NoFunds => f.write_str("the account has no money"),
            Self::Forgotten { found } => write!(
                f,
                "the contract holds {found} records of this device, and the meter forgot some"
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

impl<N, F> core::error::Error for ProgramError<N, F>
where
    N: core::error::Error + 'static,
    F: FlashCause,
{
}

impl<N, F> From<MeterError<N, SlotError<F>, StoreOutboxError<F>>> for ProgramError<N, F> {
    fn from(cause: MeterError<N, SlotError<F>, StoreOutboxError<F>>) -> Self {
        Self::Meter(cause)
    }
}

impl<N, F> From<StoreError<F>> for ProgramError<N, F> {
    fn from(cause: StoreError<F>) -> Self {
        Self::Store(cause)
    }
}

impl<N, F> From<SlotError<F>> for ProgramError<N, F> {
    fn from(cause: SlotError<F>) -> Self {
        Self::Slot(cause)
    }
}
