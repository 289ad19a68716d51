//! Entries that are not wanted any more.
//!
//! One that has a nonce cannot just be dropped: every later transaction of the account
//! waits until something is mined under it. A transaction that moves nothing to ourselves
//! takes its place, written down before it is sent as one more attempt of the entry.
//! Whichever of the attempts is mined decides how the entry ends.

use coracle_core::ecdsa::Secp256k1;
use coracle_core::{Address, Signer, Wei};
use coracle_eth::tx::CallData;
use coracle_net::Connect;
use embedded_hal_async::delay::DelayNs;

use super::client::Error;
use super::link::Failed;
use super::{
    ClientError, Entry, EntryId, EthClient, FailReason, GivenUp, Intent, Outbox, Phase, Progress,
    fees, gas,
};

impl<C, S, O, D> EthClient<'_, C, S, O, D>
where
    C: Connect,
    S: Signer<Curve = Secp256k1>,
    O: Outbox,
    D: DelayNs,
{
    /// Gives an entry up. One without a nonce ends at once. For one with a nonce, a
    /// transaction that moves nothing to ourselves takes its place, unless the entry's own
    /// was mined by now; then it goes on as if nothing had been, which the progress says.
    ///
    /// What was given up stays so: [`submit`](Self::submit), [`bump`](Self::bump) and
    /// [`settle`](Self::settle) go on from there.
    ///
    /// # Errors
    ///
    /// Those of [`bump`](Self::bump); the entry counts as given up all the same.
    /// [`ClientError::NoSuchEntry`] where a block holds its transaction, or where it ended
    /// otherwise.
    pub async fn cancel(&mut self, id: EntryId) -> Result<Progress, Error<C, S, O>> {
        let progress = self.give_up_one(id).await;
        progress.map_err(|failed| self.error(failed))
    }

    /// Gives up all entries whose time has come at `now_s`, in Unix seconds; returns how
    /// many. Call it before the round of submits of each wake: it asks nothing where
    /// nothing is due.
    ///
    /// Those in a block are left as they are. What a failure kept it from doing for entries
    /// that were given up before is done as well.
    ///
    /// # Errors
    ///
    /// Those of [`cancel`](Self::cancel). All entries that are due count as given up then,
    /// but for those of the outbox.
    pub async fn expire(&mut self, now_s: u64) -> Result<usize, Error<C, S, O>> {
        let count = self.give_up_due(now_s).await;
        count.map_err(|failed| self.error(failed))
    }

    async fn give_up_one(&mut self, id: EntryId) -> Result<Progress, Failed> {
        self.load(id).await?;
        self.mark(GivenUp::Cancelled).await?;
        match (self.entry.is_open(), self.entry.given_up) {
            (false, Some(why)) => Ok(Progress::GivenUp(why)),
            _ => self.carry_out().await,
        }
    }

    /// First what needs no node.
    async fn give_up_due(&mut self, now_s: u64) -> Result<usize, Failed> {
        let mut count = 0_usize;
        let mut is_done = true;
        let mut last = None;
        while let Some(id) = self.next_open(last).await? {
            self.load(id).await?;
            if self.entry.is_due(now_s) {
                self.mark(GivenUp::Expired).await?;
                count = count.saturating_add(1);
            }
            is_done &= !self.entry.lacks_cancellation();
            last = Some(id);
        }
        if !is_done {
            self.carry_out_all().await?;
        }
        Ok(count)
    }

    async fn carry_out_all(&mut self) -> Result<(), Failed> {
        let mut last = None;
        while let Some(id) = self.next_open(last).await? {
            self.load(id).await?;
            if self.entry.lacks_cancellation() {
                self.carry_out().await?;
            }
            last = Some(id);
        }
        Ok(())
    }

    /// Writes down that the entry is not wanted any more.
    async fn mark(&mut self, why: GivenUp) -> Result<(), Failed> {
        let phase = match self.entry.phase {
            Phase::Queued => why.phase(),
            Phase::Failed(FailReason::Cancelled) | Phase::Expired => return Ok(()),
            phase @ (Phase::Reserved | Phase::Signed | Phase::Sent) => {
                if self.entry.given_up.is_some() {
                    return Ok(());
                }
                phase
            }
            _ => return Err(self.fail(ClientError::NoSuchEntry)),
        };
        self.entry.given_up = Some(why);
        self.save(phase).await
    }

    /// Puts a transaction in the place of the entry's, unless one of them was mined.
    async fn carry_out(&mut self) -> Result<Progress, Failed> {
        if !self.entry.attempts.is_empty() {
            let progress = self.update().await?;
            if self.entry.inclusion.is_some() {
                return Ok(progress);
            }
        }
        self.sign_what_is_due().await?;
        let hash = self.deliver().await?;
        Ok(Progress::Sent { hash })
    }

    /// Signs what takes the place of the entry's transactions.
    pub(super) async fn sign_cancellation(&mut self) -> Result<(), Failed> {
        self.be_calm()?;
        self.fees = None;
        let mut fees = self.current_fees().await?;
        let limits = self.config.limits;
        if let Some(last) = self.entry.attempts.last() {
            fees = fees::bump_within(&last.fees, &fees, &limits);
        }
        let intent = cancellation(self.address);
        let limit = limits.max_gas;
        let estimate = gas::estimate(&mut self.link, self.address, &intent, limit).await?;
        match estimate {
            Ok(estimate) => self.sign(&fees, estimate.gas_limit(), true).await,
            Err(needed) => Err(self.fail(ClientError::GasAboveLimit { needed, limit })),
        }
    }

    pub(super) async fn next_open(
        &mut self,
        after: Option<EntryId>,
    ) -> Result<Option<EntryId>, Failed> {
        let next = self.outbox.next_open(after).await;
        next.map_err(|cause| self.fail(ClientError::Outbox(cause)))
    }
}

impl Entry {
    /// Whether its time has come and nothing was done about it.
    fn is_due(&self, now_s: u64) -> bool {
        let is_over = self.expires_s.is_some_and(|expires_s| expires_s <= now_s);
        is_over && self.given_up.is_none() && self.phase != Phase::Included
    }

    /// Whether it was given up, and nothing was signed yet that takes its place.
    pub(super) fn lacks_cancellation(&self) -> bool {
        let waits = matches!(self.phase, Phase::Reserved | Phase::Signed | Phase::Sent);
        let has_one = self.attempts.last().is_some_and(|last| last.is_cancel);
        waits && self.given_up.is_some() && !has_one
    }
}

/// Moves nothing to ourselves.
pub(super) const fn cancellation(ourselves: Address) -> Intent<'static> {
    Intent {
        to: Some(ourselves),
        value: Wei::ZERO,
        data: CallData::EMPTY,
    }
}
