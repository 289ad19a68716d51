//! From a transaction that a node took to a result that stays.

use coracle_core::ecdsa::Secp256k1;
use coracle_core::{B256, Signer};
use coracle_eth::Finality;
use coracle_eth::rpc::{
    Block, BlockAnswer, BlockTag, CallRequest, Receipt, ReceiptAnswer, Request, ScalarAnswer,
};
use coracle_net::Connect;
use embedded_hal_async::delay::DelayNs;

use super::client::Error;
use super::link::{Failed, Link, Nodes};
use super::read::BytesReply;
use super::submit::known;
use super::{
    Attempt, ClientError, Entry, EntryId, EthClient, FailReason, GivenUp, Inclusion, Intent, Lie,
    NodeError, Outbox, Phase,
};

/// How far [`send`](EthClient::send) goes before it returns.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Milestone {
    /// A node took the transaction. It may still be lost.
    Sent,
    /// A block holds it. The block may still be replaced.
    Included,
    /// A block holds it that will not be replaced, by the chain's own rule.
    Final,
}

/// What a look at the chain found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Progress {
    /// The transaction waits, or the nodes do not know it; submit it again to find out.
    Sent {
        /// The newest transaction of the entry.
        hash: B256,
    },
    /// A block holds it.
    Included(Inclusion),
    /// It was in another block before: the chain was reorganised.
    Moved(Inclusion),
    /// It was in a block before and is in none now: the chain was reorganised.
    Vanished {
        /// The transaction.
        hash: B256,
    },
    /// A block holds it that will not be replaced.
    Final(Inclusion),
    /// The entry was given up, and a block holds the transaction that took its place. The
    /// block may still be replaced.
    Cancelled(Inclusion),
    /// The entry was given up, and none of its transactions will be mined.
    GivenUp(GivenUp),
}

impl Progress {
    /// The milestone that is reached.
    pub const fn milestone(&self) -> Milestone {
        match self {
            Self::Sent { .. } | Self::Vanished { .. } => Milestone::Sent,
            Self::Included(_) | Self::Moved(_) | Self::Cancelled(_) => Milestone::Included,
            Self::Final(_) | Self::GivenUp(_) => Milestone::Final,
        }
    }

    /// Whether the entry's own transaction was mined and failed.
    const fn is_revert(&self) -> bool {
        match self {
            Self::Included(inclusion) | Self::Moved(inclusion) | Self::Final(inclusion) => {
                !inclusion.is_success
            }
            _ => false,
        }
    }
}

impl<C, S, O, D> EthClient<'_, C, S, O, D>
where
    C: Connect,
    S: Signer<Curve = Secp256k1>,
    O: Outbox,
    D: DelayNs,
{
    /// Puts an intent, submits it and looks for its receipt until the milestone is
    /// reached or [`Config::max_polls`](super::Config::max_polls) looks were made.
    ///
    /// Calling it again for the same entry goes on where it stands. A transaction that
    /// was lost after a node took it is not handed in again by itself: after
    /// [`ClientError::TimedOut`] or [`Progress::Vanished`] call
    /// [`submit`](Self::submit), which turns to the next node.
    ///
    /// # Errors
    ///
    /// Those of [`put`](Self::put), [`submit`](Self::submit) and
    /// [`settle`](Self::settle), and [`ClientError::TimedOut`].
    pub async fn send(
        &mut self,
        id: EntryId,
        intent: &Intent<'_>,
        until: Milestone,
    ) -> Result<Progress, Error<C, S, O>> {
        self.put(id, intent).await?;
        self.load(id).await.map_err(|failed| self.error(failed))?;
        if matches!(
            self.entry.phase,
            Phase::Queued | Phase::Reserved | Phase::Signed
        ) {
            let hash = self.submit(id).await?;
            if until == Milestone::Sent {
                return Ok(Progress::Sent { hash });
            }
        }
        self.wait(id, until).await
    }

    /// Looks for the receipt of a submitted entry until the milestone is reached.
    ///
    /// # Errors
    ///
    /// Those of [`settle`](Self::settle) that do not pass by themselves, and
    /// [`ClientError::TimedOut`].
    pub async fn wait(
        &mut self,
        id: EntryId,
        until: Milestone,
    ) -> Result<Progress, Error<C, S, O>> {
        let mut last_error = ClientError::TimedOut;
        for poll in 0..=self.config.max_polls {
            if poll > 0 {
                self.delay.delay_ms(self.config.poll_ms).await;
            }
            match self.settle(id).await {
                Ok(progress) if progress.milestone() >= until => return Ok(progress),
                Ok(_) => last_error = ClientError::TimedOut,
                Err(ClientError::Node(error)) if error.is_of_node() => last_error = error.into(),
                Err(error) => return Err(error),
            }
        }
        Err(last_error)
    }

    /// Looks once at what became of a submitted entry, and writes it down.
    ///
    /// # Errors
    ///
    /// [`NodeError::Reverted`] with the reason where the transaction was mined and
    /// failed; the entry ends once that is final. [`ClientError::NonceTaken`] where the
    /// entry ended so. [`ClientError::NoSuchEntry`] where nothing was signed.
    pub async fn settle(&mut self, id: EntryId) -> Result<Progress, Error<C, S, O>> {
        let progress = self.look(id).await;
        progress.map_err(|failed| self.error(failed))
    }

    async fn look(&mut self, id: EntryId) -> Result<Progress, Failed> {
        self.load(id).await?;
        let is_open = match (self.entry.phase, self.entry.inclusion) {
            (Phase::Final, Some(inclusion)) => return Ok(Progress::Final(inclusion)),
            (Phase::Failed(FailReason::Cancelled), _) => {
                return Ok(Progress::GivenUp(GivenUp::Cancelled));
            }
            (Phase::Expired, _) => return Ok(Progress::GivenUp(GivenUp::Expired)),
            (Phase::Failed(FailReason::NonceTaken), _) => {
                let nonce = self.entry.nonce.unwrap_or_default();
                return Err(self.fail(ClientError::NonceTaken { nonce }));
            }
            (Phase::Failed(_), Some(_)) => false,
            (Phase::Signed | Phase::Sent | Phase::Included, _) => true,
            _ => return Err(self.fail(ClientError::NoSuchEntry)),
        };
        let progress = match is_open {
            true => Some(self.update().await?),
            false => None,
        };
        match progress {
            Some(progress) if !progress.is_revert() => Ok(progress),
            _ => Err(self.reverted().await),
        }
    }

    /// Asks what became of the entry, and writes it down.
    pub(super) async fn update(&mut self) -> Result<Progress, Failed> {
        let mut found = find_any(&mut self.link, &self.entry).await?;
        if let (None, Some(before)) = (&found, &self.entry.inclusion) {
            found = still_there(&mut self.link, before).await?;
        }
        let Some(inclusion) = found else {
            return self.not_found().await;
        };
        let is_final = self.is_final(&inclusion).await?;
        let given_up = self.entry.given_up.filter(|_| {
            let mut attempts = self.entry.attempts.iter();
            attempts.any(|attempt| attempt.is_cancel && attempt.hash == inclusion.hash)
        });
        let before = self.entry.inclusion.replace(inclusion);
        let phase = match (is_final, given_up, inclusion.is_success) {
            (false, _, _) => Phase::Included,
            (true, Some(why), _) => why.phase(),
            (true, None, true) => Phase::Final,
            (true, None, false) => Phase::Failed(FailReason::Reverted),
        };
        if is_final || before != Some(inclusion) {
            self.save(phase).await?;
        }
        Ok(match (before, given_up) {
            (_, Some(why)) if is_final => Progress::GivenUp(why),
            (_, Some(_)) => Progress::Cancelled(inclusion),
            _ if is_final => Progress::Final(inclusion),
            (Some(before), None) if before.block_hash != inclusion.block_hash => {
                Progress::Moved(inclusion)
            }
            _ => Progress::Included(inclusion),
        })
    }

    async fn not_found(&mut self) -> Result<Progress, Failed> {
        let Some(before) = self.entry.inclusion.take() else {
            let last = self.entry.attempts.last();
            let hash = last.map(|attempt| attempt.hash).unwrap_or_default();
            return Ok(Progress::Sent { hash });
        };
        self.save(Phase::Sent).await?;
        Ok(Progress::Vanished { hash: before.hash })
    }

    /// Whether the block stays, by the chain's rule and the word of enough nodes.
    async fn is_final(&mut self, inclusion: &Inclusion) -> Result<bool, Failed> {
        let rule = self.config.profile.finality;
        // The node that told the receipt, so that one node is not counted as two.
        let reached = is_reached(&mut self.link, rule, inclusion).await;
        if reached.is_err() {
            self.link.turn();
        }
        Ok(reached? && self.has_quorum(inclusion).await)
    }

    /// Whether enough nodes tell the same receipt and that its block stays. A node that
    /// does not answer, or tells something else, does not count.
    async fn has_quorum(&mut self, inclusion: &Inclusion) -> bool {
        let rule = self.config.profile.finality;
        let mut agreed = 1_usize;
        for _ in 1..self.config.nodes.len() {
            if agreed >= self.config.quorum {
                break;
            }
            self.link.turn();
            let is_agreed = agrees(&mut self.link, rule, inclusion)
                .await
                .unwrap_or(false);
            agreed = agreed.saturating_add(usize::from(is_agreed));
        }
        agreed >= self.config.quorum
    }

    /// The error for a mined revert, with its reason as far as a node can replay it.
    async fn reverted(&mut self) -> Failed {
        // What the function needs was judged wrongly; ask anew next time.
        self.gas = None;
        let intent = self.outbox.intent(self.id, self.intent_buf).await;
        let Intent { to, value, data } = match known(&mut self.error, intent) {
            Ok(intent) => intent,
            Err(failed) => return failed,
        };
        let call = CallRequest {
            from: Some(self.address),
            to,
            value,
            data,
        };
        // On the state before the block: close enough, and all that nodes offer.
        let mined_in = self.entry.inclusion.map(|inclusion| inclusion.block_number);
        let at = BlockTag::Number(mined_in.unwrap_or_default().saturating_sub(1));
        let request = Request::Call { call, at };
        let mut reply = BytesReply::new(&mut []);
        let replayed = self.link.ask(Nodes::Any, &request, &mut reply).await;
        let is_replayed = matches!(self.link.error, Some(NodeError::Reverted));
        if replayed.is_ok() || !is_replayed {
            self.link.detail.revert.set_len(0);
        }
        self.link.fail(NodeError::Reverted)
    }
}

impl From<&Receipt> for Inclusion {
    fn from(receipt: &Receipt) -> Self {
        Self {
            hash: receipt.transaction_hash,
            block_hash: receipt.block_hash,
            block_number: receipt.block_number,
            gas_used: receipt.gas_used,
            is_success: receipt.is_success,
        }
    }
}

/// Whether the node tells the same receipt, and that its block stays.
async fn agrees<C: Connect>(
    link: &mut Link<'_, C>,
    rule: Finality,
    inclusion: &Inclusion,
) -> Result<bool, Failed> {
    let found = receipt(link, inclusion.hash).await?;
    let is_same = found.is_some_and(|found| found == *inclusion);
    Ok(is_same && is_reached(link, rule, inclusion).await?)
}

/// Whether the node says that the block stays, by the chain's rule.
async fn is_reached<C: Connect>(
    link: &mut Link<'_, C>,
    rule: Finality,
    inclusion: &Inclusion,
) -> Result<bool, Failed> {
    match rule {
        Finality::FinalizedTag => {
            let block = block(link, BlockTag::Finalized).await?;
            Ok(block.is_some_and(|block| block.number >= inclusion.block_number))
        }
        Finality::Confirmations(count) => {
            let mut reply = link.reply::<ScalarAnswer<u64>>();
            link.ask(Nodes::This, &Request::BlockNumber, &mut reply)
                .await?;
            Ok(reply.value()? >= inclusion.block_number.saturating_add(count))
        }
    }
}

/// The receipt of one attempt of an entry, the newest first, from one node after the
/// other.
async fn find_any<C: Connect>(
    link: &mut Link<'_, C>,
    entry: &Entry,
) -> Result<Option<Inclusion>, Failed> {
    let mut tries = link.tries(Nodes::Any);
    loop {
        let found = find(link, entry).await;
        if link.is_over(&mut tries, found.map(drop)) {
            return found;
        }
    }
}

async fn find<C: Connect>(
    link: &mut Link<'_, C>,
    entry: &Entry,
) -> Result<Option<Inclusion>, Failed> {
    for attempt in entry.attempts.iter().rev() {
        if let Some(found) = receipt(link, attempt.hash).await? {
            check(link, attempt, &found).await?;
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// What was known before, unless the node's chain has another block in its place. A node
/// may forget a receipt, or be behind; neither means that the transaction is gone.
async fn still_there<C: Connect>(
    link: &mut Link<'_, C>,
    before: &Inclusion,
) -> Result<Option<Inclusion>, Failed> {
    let block = block(link, BlockTag::Number(before.block_number)).await?;
    let is_there = block.is_none_or(|block| block.hash == before.block_hash);
    Ok(is_there.then_some(*before))
}

/// Holds a receipt against what the device knows and against the node's own chain.
async fn check<C: Connect>(
    link: &mut Link<'_, C>,
    attempt: &Attempt,
    found: &Inclusion,
) -> Result<(), Failed> {
    if found.hash != attempt.hash {
        return Err(link.fail(Lie::ReceiptHash));
    }
    if found.gas_used > attempt.gas_limit {
        return Err(link.fail(Lie::GasUsed));
    }
    match block(link, BlockTag::Number(found.block_number)).await? {
        Some(block) if block.number != found.block_number => Err(link.fail(Lie::BlockNumber)),
        Some(block) if block.hash == found.block_hash => Ok(()),
        _ => Err(link.fail(Lie::ReceiptBlock)),
    }
}

async fn receipt<C: Connect>(
    link: &mut Link<'_, C>,
    hash: B256,
) -> Result<Option<Inclusion>, Failed> {
    let mut reply = link.reply::<ReceiptAnswer>();
    let request = Request::TransactionReceipt(hash);
    link.ask(Nodes::This, &request, &mut reply).await?;
    Ok(reply.value()?.as_ref().map(Inclusion::from))
}

async fn block<C: Connect>(link: &mut Link<'_, C>, tag: BlockTag) -> Result<Option<Block>, Failed> {
    let mut reply = link.reply::<BlockAnswer>();
    link.ask(Nodes::This, &Request::Block(tag), &mut reply)
        .await?;
    reply.value()
}
