//! From a transaction that a node took to a result that stays.

use coracle_core::ecdsa::Secp256k1;
use coracle_core::{B256, Signer};
use coracle_eth::Finality;
use coracle_eth::rpc::{
    BlockAnswer, BlockTag, Bytes, CallRequest, Receipt, ReceiptAnswer, Request,
};
use coracle_net::Connect;
use embedded_hal_async::delay::DelayNs;

use super::client::Error;
use super::link::Link;
use super::submit::read_intent;
use super::{
    Attempt, ClientError, Entry, EntryId, EthClient, FailReason, Inclusion, Intent, Lie, NodeError,
    Outbox, Phase, RevertData,
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
}

impl Progress {
    /// The milestone that is reached.
    pub const fn milestone(&self) -> Milestone {
        match self {
            Self::Sent { .. } | Self::Vanished { .. } => Milestone::Sent,
            Self::Included(_) | Self::Moved(_) => Milestone::Included,
            Self::Final(_) => Milestone::Final,
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
        let entry = self.load(id).await?;
        if matches!(entry.phase, Phase::Queued | Phase::Reserved | Phase::Signed) {
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
    /// failed; the entry ends once that is final. [`ClientError::NonceTaken`] where
    /// that was found before. [`ClientError::NoSuchEntry`] where nothing was sent.
    pub async fn settle(&mut self, id: EntryId) -> Result<Progress, Error<C, S, O>> {
        let entry = self.load(id).await?;
        match (entry.phase, entry.inclusion, entry.nonce) {
            (Phase::Final, Some(inclusion), _) => Ok(Progress::Final(inclusion)),
            (Phase::Failed(FailReason::NonceTaken), _, Some(nonce)) => {
                Err(ClientError::NonceTaken { nonce })
            }
            (Phase::Failed(_), Some(inclusion), _) => Err(self.reverted(id, &inclusion).await),
            (Phase::Signed | Phase::Sent | Phase::Included, ..) => self.look(id, entry).await,
            _ => Err(ClientError::NoSuchEntry),
        }
    }

    async fn look(&mut self, id: EntryId, mut entry: Entry) -> Result<Progress, Error<C, S, O>> {
        let form = self.config.profile.address_form;
        let attempts = &entry.attempts;
        let find = async |link: &mut Link<'_, C>| {
            for attempt in attempts.iter().rev() {
                if let Some(found) = find(link, attempt, ReceiptAnswer::new(form)).await? {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        };
        let found = self.link.on_any_node(find).await?;
        let Some(inclusion) = found else {
            return self.not_found(id, entry).await;
        };
        let is_final = self.is_final(&inclusion).await?;
        let before = entry.inclusion.replace(inclusion);
        entry.phase = match (is_final, inclusion.is_success) {
            (false, _) => Phase::Included,
            (true, true) => Phase::Final,
            (true, false) => Phase::Failed(FailReason::Reverted),
        };
        if is_final || before != entry.inclusion {
            self.outbox
                .update(id, &entry)
                .await
                .map_err(ClientError::Outbox)?;
        }
        if !inclusion.is_success {
            return Err(self.reverted(id, &inclusion).await);
        }
        Ok(match before {
            _ if is_final => Progress::Final(inclusion),
            Some(before) if before.block_hash != inclusion.block_hash => Progress::Moved(inclusion),
            _ => Progress::Included(inclusion),
        })
    }

    async fn not_found(
        &mut self,
        id: EntryId,
        mut entry: Entry,
    ) -> Result<Progress, Error<C, S, O>> {
        let hash = entry
            .attempts
            .last()
            .map(|attempt| attempt.hash)
            .unwrap_or_default();
        let Some(before) = entry.inclusion.take() else {
            return Ok(Progress::Sent { hash });
        };
        entry.phase = Phase::Sent;
        self.outbox
            .update(id, &entry)
            .await
            .map_err(ClientError::Outbox)?;
        Ok(Progress::Vanished { hash: before.hash })
    }

    /// Whether the block stays, by the chain's rule and the word of enough nodes.
    async fn is_final(&mut self, inclusion: &Inclusion) -> Result<bool, Error<C, S, O>> {
        let rule = self.config.profile.finality;
        let mut ask = async |link: &mut Link<'_, C>| is_reached(link, rule, inclusion).await;
        // The node that told the receipt, so that one node is not counted as two.
        let reached = self.link.on_this_node(&mut ask).await;
        if reached.is_err() {
            self.link.turn();
        }
        Ok(reached? && self.has_quorum(inclusion).await)
    }

    /// Whether enough nodes tell the same receipt and that its block stays. A node that
    /// does not answer, or tells something else, does not count.
    async fn has_quorum(&mut self, inclusion: &Inclusion) -> bool {
        let form = self.config.profile.address_form;
        let rule = self.config.profile.finality;
        let mut agreed = 1_usize;
        for _ in 1..self.config.nodes.len() {
            if agreed >= self.config.quorum {
                break;
            }
            self.link.turn();
            let mut agrees = async |link: &mut Link<'_, C>| {
                let request = Request::TransactionReceipt(inclusion.hash);
                let receipt = link.ask(&request, ReceiptAnswer::new(form)).await?;
                let is_same =
                    receipt.is_some_and(|receipt| Inclusion::from(&receipt) == *inclusion);
                Ok(is_same && is_reached(link, rule, inclusion).await?)
            };
            let is_agreed = self.link.on_this_node(&mut agrees).await.unwrap_or(false);
            agreed = agreed.saturating_add(usize::from(is_agreed));
        }
        agreed >= self.config.quorum
    }

    /// The error for a mined revert, with its reason as far as a node can replay it.
    async fn reverted(&mut self, id: EntryId, inclusion: &Inclusion) -> Error<C, S, O> {
        // What the function needs was judged wrongly; ask anew next time.
        self.gas = None;
        let intent = match read_intent(&mut self.outbox, id, self.intent_buf).await {
            Ok(intent) => intent,
            Err(error) => return error,
        };
        let Intent { to, value, data } = intent;
        let call = CallRequest {
            from: Some(self.address),
            to,
            value,
            data,
        };
        // On the state before the block: close enough, and all that nodes offer.
        let at = BlockTag::Number(inclusion.block_number.saturating_sub(1));
        let request = Request::Call { call, at };
        let replay = async |link: &mut Link<'_, C>| link.ask(&request, Bytes::new(&mut [])).await;
        match self.link.on_any_node(replay).await {
            Err(error @ NodeError::Reverted(_)) => error.into(),
            _ => NodeError::Reverted(RevertData::default()).into(),
        }
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

/// Whether the node says that the block stays, by the chain's rule.
async fn is_reached<C: Connect>(
    link: &mut Link<'_, C>,
    rule: Finality,
    inclusion: &Inclusion,
) -> Result<bool, NodeError<C::Error>> {
    match rule {
        Finality::FinalizedTag => {
            let request = Request::Block(BlockTag::Finalized);
            let block = link.ask(&request, BlockAnswer::default()).await?;
            Ok(block.is_some_and(|block| block.number >= inclusion.block_number))
        }
        Finality::Confirmations(count) => {
            let newest = link.ask_short::<u64>(&Request::BlockNumber).await?;
            Ok(newest >= inclusion.block_number.saturating_add(count))
        }
    }
}

/// The receipt of one attempt, held against what the device knows and against the
/// node's own chain.
async fn find<C: Connect>(
    link: &mut Link<'_, C>,
    attempt: &Attempt,
    answer: ReceiptAnswer,
) -> Result<Option<Inclusion>, NodeError<C::Error>> {
    let request = Request::TransactionReceipt(attempt.hash);
    let Some(receipt) = link.ask(&request, answer).await? else {
        return Ok(None);
    };
    if receipt.transaction_hash != attempt.hash {
        return Err(Lie::ReceiptHash.into());
    }
    if receipt.gas_used > attempt.gas_limit {
        return Err(Lie::GasUsed.into());
    }
    let request = Request::Block(BlockTag::Number(receipt.block_number));
    let block = link.ask(&request, BlockAnswer::default()).await?;
    match block {
        Some(block) if block.number != receipt.block_number => Err(Lie::BlockNumber.into()),
        Some(block) if block.hash == receipt.block_hash => Ok(Some(Inclusion::from(&receipt))),
        _ => Err(Lie::ReceiptBlock.into()),
    }
}
