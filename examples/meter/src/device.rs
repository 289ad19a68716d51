//! The device's part: from a sample to a record that a chain holds for good.
//!
//! The same on a host and on a microcontroller: no `std`, no heap, and everything that
//! differs from board to board comes from outside.
//!
//! ```text
//! Sample ── record ── signed ── outbox ──┐             (durable: the radio may be off)
//!                                        │
//!        advance ── submit ── settle ────┘ oldest first, so that no record overtakes another
//! ```

use core::fmt;
use core::pin::pin;

use coracle::client::eth::{
    ClientError, Detail, EntryId, EthClient, Inclusion, Intent, Milestone, Outbox, Phase, Progress,
    Put,
};
use coracle::core::ecdsa::Secp256k1;
use coracle::core::{Address, B256, Encode, Error as _, ErrorKind, Signer, Sink, Wei};
use coracle::eth::abi::{PlainCall, Value, ValueErrorKind};
use coracle::eth::rpc::{BlockTag, CallRequest};
use coracle::eth::tx::CallData;
use coracle::net::Connect;
use coracle::record::{
    BundleEntry, Decimal, DeviceId, Name, Place, Reading, RecordError, Recorder, SignedRecord, Unit,
};
use embedded_hal_async::delay::DelayNs;
use embedded_storage_async::nor_flash::NorFlashError;

use crate::contract::{APPEND_SELECTOR, TIP_SELECTOR, Tip, appended, device_topic, next_head};
use crate::sensor::Sample;

/// Looks at a transaction that nobody mines before the same bytes are handed in again.
const PATIENCE: u32 = 3;

/// What happened to a record. Whoever shows progress gets these.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Step {
    /// It is signed and in the outbox.
    Recorded(Sample),
    /// A node took its transaction, of this hash.
    Sent(B256),
    /// A block holds it.
    Included(Inclusion),
    /// Another block holds it than before: the chain was reorganised.
    Moved(Inclusion),
    /// No block holds it any more: the chain was reorganised.
    Vanished,
    /// A block holds it that stays.
    Final(Inclusion),
}

/// Where progress is shown: a console, a log, nowhere.
pub trait Watch {
    /// The account that pays; it needs money now.
    fn account(&mut self, account: Address);

    /// Something happened to an entry of the outbox.
    fn step(&mut self, id: EntryId, step: Step);

    /// Something failed that passes by itself; the next wake goes on.
    fn trouble(&mut self, error: &impl Cause);

    /// Something failed that does not pass by itself; the run ends.
    fn failure(&mut self, error: &impl Cause);
}

/// An error that can be shown, on whatever console there is.
#[cfg(not(feature = "defmt"))]
pub trait Cause: fmt::Display {}

#[cfg(not(feature = "defmt"))]
impl<T: fmt::Display> Cause for T {}

/// An error that can be shown, on whatever console there is.
#[cfg(feature = "defmt")]
pub trait Cause: fmt::Display + defmt::Format {}

#[cfg(feature = "defmt")]
impl<T: fmt::Display + defmt::Format> Cause for T {}

/// The error of a flash driver, where errors of the store are to be shown.
#[cfg(not(feature = "defmt"))]
pub trait FlashCause: NorFlashError + 'static {}

#[cfg(not(feature = "defmt"))]
impl<T: NorFlashError + 'static> FlashCause for T {}

/// The error of a flash driver, where errors of the store are to be shown.
#[cfg(feature = "defmt")]
pub trait FlashCause: NorFlashError + defmt::Format + 'static {}

#[cfg(feature = "defmt")]
impl<T: NorFlashError + defmt::Format + 'static> FlashCause for T {}

/// A meter that reports to a contract.
pub struct Meter<'a, C: Connect + 'a, S: Signer, O: Outbox, D> {
    client: EthClient<'a, C, S, O, D>,
    contract: Address,
    recorder: Recorder,
    head: B256,
    waited: u32,
}

impl<'a, C, S, O, D> Meter<'a, C, S, O, D>
where
    C: Connect,
    S: Signer<Curve = Secp256k1>,
    O: Outbox,
    D: DelayNs,
{
    /// A meter whose next record stands at `next`. One that has a past
    /// [follows the chain](Self::follow_chain) before it reads.
    pub const fn new(
        client: EthClient<'a, C, S, O, D>,
        contract: Address,
        device: DeviceId,
        next: Place,
    ) -> Self {
        Self {
            client,
            contract,
            recorder: Recorder::resume(device, next),
            head: B256::ZERO,
            waited: 0,
        }
    }

    /// Writes the newest record that is on its way to `archive` once more: a reset may have
    /// come between the outbox and the archive. Asks no node.
    ///
    /// `buf` takes the call data of one record.
    ///
    /// # Errors
    ///
    /// Those of the outbox.
    ///
    /// # Cancel safety
    ///
    /// Changes nothing but the archive.
    pub async fn repeat_newest(
        &mut self,
        archive: &mut dyn Sink,
        buf: &mut [u8],
    ) -> Result<(), Error<C, S, O>> {
        let mut newest = None;
        while let Some((id, _)) = self.next_open(newest).await? {
            newest = Some(id);
        }
        if let Some(id) = newest {
            BundleEntry(&self.kept(id, buf).await?).encode(archive);
        }
        Ok(())
    }

    /// Takes over what the contract holds after a reset: its head and, on top, the records
    /// that are on their way.
    ///
    /// `tip` is what the contract said; `buf` takes the call data of one record.
    ///
    /// # Errors
    ///
    /// [`MeterError::Behind`] where records are neither there nor on their way; those of
    /// the outbox.
    ///
    /// # Cancel safety
    ///
    /// Nothing is taken over.
    pub async fn follow_chain(&mut self, tip: &Tip, buf: &mut [u8]) -> Result<(), Error<C, S, O>> {
        let Tip {
            mut head,
            mut count,
        } = *tip;
        let mut last = None;
        while let Some((id, _)) = self.next_open(last).await? {
            if id.sequence == count {
                head = next_head(&head, &self.kept(id, buf).await?);
                count = count.saturating_add(1);
            }
            last = Some(id);
        }
        if count != self.recorder.next_place().sequence() {
            return Err(MeterError::Behind { count });
        }
        self.head = head;
        Ok(())
    }

    /// The record of an entry.
    async fn kept<'b>(
        &mut self,
        id: EntryId,
        buf: &'b mut [u8],
    ) -> Result<&'b [u8], Error<C, S, O>> {
        let intent = self.client.outbox().intent(id, buf).await;
        let intent = intent.map_err(ClientError::Outbox)?;
        match intent.map(|intent| intent.data) {
            Some(CallData::Bytes(call)) => appended(call).ok_or(MeterError::NotARecord),
            _ => Err(MeterError::NotARecord),
        }
    }

    /// Signs a sample as the device's next record and writes it down for the chain. The
    /// record goes to `archive` as well, as an item of a bundle. Asks no node.
    ///
    /// # Errors
    ///
    /// The signer's or the outbox's; nothing was written then, and the same number is
    /// given to the next record. [`MeterError::NumberInUse`] where the outbox holds
    /// another record of this number.
    ///
    /// # Cancel safety
    ///
    /// The record may be in the outbox while the meter has not counted it: begin as after
    /// a reset then.
    pub async fn record(
        &mut self,
        sample: &Sample,
        archive: &mut dyn Sink,
        watch: &mut impl Watch,
    ) -> Result<EntryId, Error<C, S, O>> {
        let volume = Decimal::new(i64::from(sample.litres), -3)?;
        let reading = Reading::new(Name::new("volume")?, Unit::CUBIC_METRE, volume);
        let readings = [reading];
        let record = self.recorder.record(sample.time, &readings)?;
        // The key of records and that of the account are one here. A product takes two
        // slots: one that signs records only, one that signs calls of this contract
        // only, so that neither can be talked into the other's work.
        let signed = record.sign(self.client.signer()).await;
        let signed = signed.map_err(MeterError::Signer)?;
        let id = self.put(&signed).await?;
        // Counted after it is durable: a failed put must not leave a gap.
        self.recorder.advance(&signed)?;
        self.head = next_head(&self.head, &signed);
        BundleEntry(&signed).encode(archive);
        watch.step(id, Step::Recorded(*sample));
        Ok(id)
    }

    /// The call data is never whole in memory here: the ABI encoder runs the record's.
    async fn put(
        &mut self,
        signed: &SignedRecord<'_, Secp256k1>,
    ) -> Result<EntryId, Error<C, S, O>> {
        let device = self.device_topic();
        let sequence = signed.record().place().sequence();
        let values = [
            Value::FixedBytes(device.as_bytes()),
            Value::from(sequence),
            Value::encoded(signed),
        ];
        let call = PlainCall::new(APPEND_SELECTOR, &values)?;
        let intent = Intent {
            to: Some(self.contract),
            value: Wei::ZERO,
            data: CallData::Encoder(&call),
        };
        let id = EntryId { device, sequence };
        let put = self.client.put_record(id, signed.hash(), None, &intent);
        match put.await? {
            Put::Added => Ok(id),
            Put::Existed => Err(MeterError::NumberInUse { sequence }),
        }
    }

    /// Hands in what no node has yet and looks at what is on its way; returns how many
    /// entries are not final. One wake of the radio.
    ///
    /// # Errors
    ///
    /// Those of the client. With [`ErrorKind::Retry`] the next wake goes on; nothing is
    /// lost or done twice.
    ///
    /// # Cancel safety
    ///
    /// That of the client: what was durable stays, the next wake goes on from there.
    pub async fn advance(&mut self, watch: &mut impl Watch) -> Result<usize, Error<C, S, O>> {
        pin!(self.submit(watch)).await?;
        pin!(self.settle(watch)).await
    }

    /// Oldest first. Stops at the first failure: the record after it waits as well.
    async fn submit(&mut self, watch: &mut impl Watch) -> Result<(), Error<C, S, O>> {
        let mut last = None;
        while let Some((id, phase)) = self.next_open(last).await? {
            if matches!(phase, Phase::Queued | Phase::Reserved | Phase::Signed) {
                pin!(self.send(id, watch)).await?;
            }
            last = Some(id);
        }
        Ok(())
    }

    /// Oldest first. Nonces keep the order, so an entry never gets further than the one
    /// before it: what is as far already is not looked at, which saves air time.
    async fn settle(&mut self, watch: &mut impl Watch) -> Result<usize, Error<C, S, O>> {
        let mut open = 0_usize;
        let mut ceiling = Milestone::Final;
        let mut last = None;
        while let Some((id, phase)) = self.next_open(last).await? {
            let reached = match phase {
                Phase::Included => Milestone::Included,
                _ => Milestone::Sent,
            };
            if reached < ceiling {
                let progress = pin!(self.client.settle(id)).await?;
                if self.follow(id, reached, progress, watch) {
                    // The same bytes, so that a node that has them loses nothing.
                    pin!(self.send(id, watch)).await?;
                }
                ceiling = progress.milestone();
            }
            open = open.saturating_add(usize::from(ceiling != Milestone::Final));
            last = Some(id);
        }
        Ok(open)
    }

    /// Tells about progress; whether the transaction is to be handed in again.
    fn follow(
        &mut self,
        id: EntryId,
        before: Milestone,
        progress: Progress,
        watch: &mut impl Watch,
    ) -> bool {
        let waited = core::mem::take(&mut self.waited);
        let step = match progress {
            Progress::Sent { .. } => {
                self.waited = waited.saturating_add(1);
                return self.waited.is_multiple_of(PATIENCE);
            }
            Progress::Included(_) if before == Milestone::Included => return false,
            Progress::Included(at) => Step::Included(at),
            Progress::Moved(at) => Step::Moved(at),
            Progress::Final(at) => Step::Final(at),
            Progress::Vanished { .. } => Step::Vanished,
            // This meter gives nothing up.
            Progress::Cancelled(_) | Progress::GivenUp(_) => return false,
        };
        watch.step(id, step);
        step == Step::Vanished
    }

    async fn send(&mut self, id: EntryId, watch: &mut impl Watch) -> Result<(), Error<C, S, O>> {
        let hash = pin!(self.client.submit(id)).await?;
        watch.step(id, Step::Sent(hash));
        Ok(())
    }

    async fn next_open(
        &mut self,
        after: Option<EntryId>,
    ) -> Result<Option<(EntryId, Phase)>, Error<C, S, O>> {
        let next = self.client.outbox().next_open(after).await;
        match next.map_err(ClientError::Outbox)? {
            Some(id) => Ok(Some((id, self.client.entry(id).await?.phase))),
            None => Ok(None),
        }
    }

    /// Asks the contract what it holds of this meter's records.
    ///
    /// # Errors
    ///
    /// Those of the client; [`MeterError::BadAnswer`] where the answer is not of the
    /// contract's form.
    ///
    /// # Cancel safety
    ///
    /// Changes nothing.
    pub async fn tip(&mut self) -> Result<Tip, Error<C, S, O>> {
        let device = self.device_topic();
        let values = [
            Value::Address(self.client.address()),
            Value::FixedBytes(device.as_bytes()),
        ];
        let call = PlainCall::new(TIP_SELECTOR, &values)?;
        let call = CallRequest {
            from: None,
            to: Some(self.contract),
            value: Wei::ZERO,
            data: CallData::Encoder(&call),
        };
        let mut out = [0; Tip::ENCODED_LEN];
        let len = pin!(self.client.call(&call, BlockTag::Latest, &mut out)).await?;
        if len != Tip::ENCODED_LEN {
            return Err(MeterError::BadAnswer);
        }
        Tip::decode(&out).ok_or(MeterError::BadAnswer)
    }

    /// What the contract should hold, computed here.
    pub const fn own_tip(&self) -> Tip {
        Tip {
            head: self.head,
            count: self.recorder.next_place().sequence(),
        }
    }

    /// The name of this meter in the contract.
    pub fn device_topic(&self) -> B256 {
        device_topic(self.recorder.device())
    }

    /// The contract.
    pub const fn contract(&self) -> Address {
        self.contract
    }

    /// The client, for whatever else is to be asked.
    pub const fn client(&mut self) -> &mut EthClient<'a, C, S, O, D> {
        &mut self.client
    }
}

/// The error of a meter over transport `C`, signer `S` and outbox `O`.
pub type Error<C, S, O> =
    MeterError<<C as Connect>::Error, <S as Signer>::Error, <O as Outbox>::Error>;

/// Why a meter failed. `N`, `S` and `O` are the errors of transport, signer and outbox.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum MeterError<N, S, O> {
    /// The sample makes no record.
    Record(RecordError),
    /// The record was not signed.
    Signer(S),
    /// The outbox holds another record of this number: the meter lost count.
    NumberInUse {
        /// The number.
        sequence: u64,
    },
    /// An entry of the outbox is no record of a meter: another program shares the store.
    NotARecord,
    /// The contract holds so many records, and those that follow are not on their way: the
    /// node is behind, or the contract is not the one that they went to.
    Behind {
        /// How many.
        count: u64,
    },
    /// The call cannot be encoded.
    Abi(ValueErrorKind),
    /// The contract's answer is not of its form.
    BadAnswer,
    /// The client.
    Client(ClientError<N, S, O>),
}

impl<N, S, O> MeterError<N, S, O>
where
    N: embedded_io::Error + 'static,
    S: coracle::core::Error + 'static,
    O: coracle::core::Error + 'static,
{
    /// What can be done about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Record(cause) => cause.kind(),
            Self::Signer(cause) => cause.kind(),
            Self::NumberInUse { .. } | Self::NotARecord => ErrorKind::Device,
            Self::Behind { .. } => ErrorKind::Retry,
            Self::Abi(_) => ErrorKind::Bug,
            Self::BadAnswer => ErrorKind::Remote,
            Self::Client(cause) => cause.kind(),
        }
    }
}

/// An error of a meter with its particulars, to be shown.
#[derive(Debug)]
pub struct Explained<'a, N, S, O> {
    /// The error.
    pub error: &'a MeterError<N, S, O>,
    /// What the client knows beyond it.
    pub detail: &'a Detail,
}

impl<N: fmt::Display, S: fmt::Display, O: fmt::Display> fmt::Display for Explained<'_, N, S, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.error {
            MeterError::Client(error) => error.explain(self.detail).fmt(f),
            error => error.fmt(f),
        }
    }
}

/// The error, and what a node said where one refused.
#[cfg(feature = "defmt")]
impl<N: defmt::Format, S: defmt::Format, O: defmt::Format> defmt::Format
    for Explained<'_, N, S, O>
{
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}, last refusal {}", self.error, self.detail.message);
    }
}

impl<N: fmt::Display, S: fmt::Display, O: fmt::Display> fmt::Display for MeterError<N, S, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(cause) => cause.fmt(f),
            Self::Signer(cause) => cause.fmt(f),
            Self::NumberInUse { sequence } => {
                write!(f, "outbox holds another record of number {sequence}")
            }
            Self::NotARecord => f.write_str("outbox holds something else than records"),
            Self::Behind { count } => {
                write!(f, "contract holds {count} records, the next ones are gone")
            }
            Self::Abi(cause) => cause.fmt(f),
            Self::BadAnswer => f.write_str("contract's answer is not of its form"),
            Self::Client(cause) => cause.fmt(f),
        }
    }
}

impl<N, S, O> core::error::Error for MeterError<N, S, O>
where
    N: core::error::Error + 'static,
    S: core::error::Error + 'static,
    O: core::error::Error + 'static,
{
}

impl<N, S, O> From<RecordError> for MeterError<N, S, O> {
    fn from(cause: RecordError) -> Self {
        Self::Record(cause)
    }
}

impl<N, S, O> From<ValueErrorKind> for MeterError<N, S, O> {
    fn from(cause: ValueErrorKind) -> Self {
        Self::Abi(cause)
    }
}

impl<N, S, O> From<ClientError<N, S, O>> for MeterError<N, S, O> {
    fn from(cause: ClientError<N, S, O>) -> Self {
        Self::Client(cause)
    }
}
