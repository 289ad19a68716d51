//! After a reset: the journal and the outbox are held against the chain.

use coracle_core::Signer;
use coracle_core::ecdsa::Secp256k1;
use coracle_eth::rpc::BlockTag;
use coracle_net::Connect;
use embedded_hal_async::delay::DelayNs;

use super::client::Error;
use super::link::{Failed, Nodes};
use super::standing::{Alarm, Standing, count, locate};
use super::{ClientError, EntryId, EthClient, FailReason, NodeError, Outbox, Phase};

impl<C, S, O, D> EthClient<'_, C, S, O, D>
where
    C: Connect,
    S: Signer<Curve = Secp256k1>,
    O: Outbox,
    D: DelayNs,
{
    /// Brings every open entry to the state that the chain says: sends the same bytes
    /// again, settles, or leaves it; returns how many stay open. Signs nothing. Call it
    /// after each start, before the first submit.
    ///
    /// Takes one request, and one for each entry that waits where a node has it; more
    /// where it was mined or is to be sent again.
    ///
    /// A node that is behind, or that forgot what it knew, changes nothing: a transaction
    /// is only ever sent as the same bytes, and fewer transactions than the journal says
    /// are no alarm.
    ///
    /// # Errors
    ///
    /// [`ClientError::JournalBehind`] and [`ClientError::NonceTaken`] are alarms: somebody
    /// else signs with this key, or the flash is a copy or was put back to an earlier
    /// state. From then on nothing is signed until [`adopt_nonce`](Self::adopt_nonce), or
    /// until `reconcile` finds that there is nothing wrong. Those of nodes and outbox; the
    /// next call goes on.
    pub async fn reconcile(&mut self) -> Result<usize, Error<C, S, O>> {
        let open = self.reconcile_all().await;
        open.map_err(|failed| self.error(failed))
    }

    /// Ends an alarm by the owner's decision: entries under whose nonce a stranger's
    /// transaction was mined fail with [`FailReason::NonceTaken`], nonces below `floor` are
    /// not given any more, and the client signs again.
    ///
    /// `floor` is the chain's count of [`ClientError::JournalBehind`] once it was looked
    /// at, for a node may lie about it; 0 where the journal is not behind.
    ///
    /// # Errors
    ///
    /// Those of the outbox; the alarm stays then.
    ///
    /// # Security
    ///
    /// Entries that an older flash holds may be on the chain already, under nonces that it
    /// knows nothing of: what a contract must not see twice, it has to refuse itself. Where
    /// the key leaked, only a new key helps.
    pub async fn adopt_nonce(&mut self, floor: u64) -> Result<(), Error<C, S, O>> {
        let adopted = self.end_alarm(floor).await;
        adopted.map_err(|failed| self.error(failed))
    }

    /// Whether nothing is signed until the owner decides.
    pub const fn is_alarmed(&self) -> bool {
        self.alarm.is_some()
    }

    async fn reconcile_all(&mut self) -> Result<usize, Failed> {
        self.link.is_aside = false;
        let count = self.hold_journal_against_chain().await?;
        let mut open = 0_usize;
        let mut last = None;
        while let Some(id) = self.next_open(last).await? {
            self.reconcile_one(id, count).await?;
            open = open.saturating_add(usize::from(self.entry.is_open()));
            last = Some(id);
        }
        self.alarm = None;
        Ok(open)
    }

    /// Waiting transactions count as well: those of an earlier life must not be replaced.
    async fn hold_journal_against_chain(&mut self) -> Result<u64, Failed> {
        let at = BlockTag::Pending;
        let count = count(&mut self.link, Nodes::Any, self.address, at).await?;
        let journal = self.outbox.next_nonce(self.account()).await;
        let journal = journal.map_err(|cause| self.fail(ClientError::Outbox(cause)))?;
        if let Some(journal) = journal
            && count > journal
            && let Some(chain) = self.beyond(journal).await
        {
            return Err(self.raise(Alarm::JournalBehind { journal, chain }));
        }
        Ok(count)
    }

    async fn reconcile_one(&mut self, id: EntryId, count: u64) -> Result<(), Failed> {
        self.load(id).await?;
        let Some(nonce) = self.entry.nonce else {
            return Ok(());
        };
        if self.entry.phase == Phase::Included {
            self.update().await?;
        }
        let delivered = match self.entry.phase {
            Phase::Sent => self.find_or_deliver().await,
            Phase::Signed => self.deliver().await.map(drop),
            // Nothing of ours can be under it.
            Phase::Reserved if count > nonce => match self.standing(nonce).await {
                Standing::Stranger => Err(self.raise(Alarm::NonceTaken { nonce })),
                _ => Ok(()),
            },
            _ => Ok(()),
        };
        match delivered {
            // No node took it: it stays as it is, and does not keep the others waiting.
            Err(Failed) if self.is_refused() => {
                self.error = None;
                self.link.error = None;
                Ok(())
            }
            other => other,
        }
    }

    /// What a node has is settled or left alone, and the rest is handed in again.
    async fn find_or_deliver(&mut self) -> Result<(), Failed> {
        for attempt in self.entry.attempts.iter().rev() {
            let found = locate(&mut self.link, Nodes::Any, attempt.hash).await?;
            match found.map(|info| info.block_hash) {
                Some(Some(_)) => return self.update().await.map(drop),
                Some(None) => return Ok(()),
                None => {}
            }
        }
        self.deliver().await.map(drop)
    }

    /// Whether what failed is that nodes do not want the entry's transaction.
    fn is_refused(&self) -> bool {
        match (&self.error, &self.link.error) {
            (Some(error), _) => matches!(error, ClientError::InsufficientFunds),
            (None, Some(NodeError::Call(error))) => error.rpc().is_some(),
            _ => false,
        }
    }

    async fn end_alarm(&mut self, floor: u64) -> Result<(), Failed> {
        let raised = self.outbox.raise_nonce(self.account(), floor).await;
        raised.map_err(|cause| self.fail(ClientError::Outbox(cause)))?;
        let mut last = None;
        while let Some(id) = self.next_open(last).await? {
            self.load(id).await?;
            let is_taken = match (self.entry.nonce, self.entry.inclusion) {
                (Some(nonce), None) => self.standing(nonce).await == Standing::Stranger,
                _ => false,
            };
            if is_taken {
                self.save(Phase::Failed(FailReason::NonceTaken)).await?;
            }
            last = Some(id);
        }
        self.alarm = None;
        Ok(())
    }
}
