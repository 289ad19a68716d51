//! From an intent to a transaction that a node took.

use coracle_core::ecdsa::{RecoveryId, Secp256k1, Signature};
use coracle_core::{B256, Signer, U256, Wei};
use coracle_eth::rpc::{BlockTag, Hash, Request, ScalarAnswer, TransactionAnswer};
use coracle_eth::tx::{AccessList, SignedTx, Transaction, TxEip1559, TxError, TxLegacy};
use coracle_eth::{ChainProfile, FeeRule, TxTypes};
use coracle_net::Connect;
use embedded_hal_async::delay::DelayNs;

use super::client::{CachedFees, Error};
use super::link::Link;
use super::{
    Attempt, ClientError, Config, Entry, EntryId, EthClient, FailReason, Fees, Intent, Lie,
    NodeError, Outbox, Phase, Put, fees, gas,
};

impl<C, S, O, D> EthClient<'_, C, S, O, D>
where
    C: Connect,
    S: Signer<Curve = Secp256k1>,
    O: Outbox,
    D: DelayNs,
{
    /// Writes an intent down. Asks no node.
    ///
    /// # Errors
    ///
    /// [`ClientError::Outbox`].
    pub async fn put(&mut self, id: EntryId, intent: &Intent<'_>) -> Result<Put, Error<C, S, O>> {
        self.outbox
            .put(id, intent)
            .await
            .map_err(ClientError::Outbox)
    }

    /// Makes and signs the entry's transaction unless that was done, and hands it to a
    /// node; returns its hash, computed here.
    ///
    /// With fees, gas and nonce known from the entry before, this is one request. On an
    /// entry that was sent before it sends the same bytes again, to another node first
    /// where there is one. That is harmless: a transaction that the node knows counts as
    /// taken.
    ///
    /// # Errors
    ///
    /// A limit that the chain's demands do not fit, a revert, or a node that does not
    /// answer leave the entry as it was before the nonce was set aside; later errors
    /// leave it signed: among them [`ClientError::InsufficientFunds`], where the account
    /// must be filled first. [`ClientError::NonceTaken`] ends it.
    pub async fn submit(&mut self, id: EntryId) -> Result<B256, Error<C, S, O>> {
        let mut entry = self.load(id).await?;
        if matches!(entry.phase, Phase::Queued | Phase::Reserved) {
            self.prepare(id, &mut entry).await?;
        }
        // The node that took it may have kept it to itself.
        if entry.phase == Phase::Sent && self.config.nodes.len() > 1 {
            self.link.turn();
        }
        self.deliver(id, &mut entry).await
    }

    /// Replaces the entry's waiting transaction by one that pays more, under the same
    /// nonce, so that at most one of them is mined.
    ///
    /// # Errors
    ///
    /// [`ClientError::FeeAboveLimit`], [`ClientError::TooManyAttempts`], and those of
    /// [`submit`](Self::submit). [`ClientError::NoSuchEntry`] where nothing waits.
    pub async fn bump(&mut self, id: EntryId) -> Result<B256, Error<C, S, O>> {
        let mut entry = self.load(id).await?;
        let waits = matches!(entry.phase, Phase::Signed | Phase::Sent);
        let last = entry.attempts.last().copied().filter(|_| waits);
        let last = last.ok_or(ClientError::NoSuchEntry)?;
        if entry.attempts.is_full() {
            return Err(ClientError::TooManyAttempts);
        }
        self.fees = None;
        let now = self.current_fees().await?;
        let fees = fees::bump(&last.fees, &now, &self.config.limits)?;
        self.sign(id, &mut entry, fees, last.gas_limit).await?;
        self.deliver(id, &mut entry).await
    }

    pub(super) async fn load(&mut self, id: EntryId) -> Result<Entry, Error<C, S, O>> {
        let entry = self.outbox.entry(id).await.map_err(ClientError::Outbox)?;
        entry.ok_or(ClientError::NoSuchEntry)
    }

    /// Costs first, then the nonce, then the signature; each is durable before the next.
    async fn prepare(&mut self, id: EntryId, entry: &mut Entry) -> Result<(), Error<C, S, O>> {
        let fees = self.current_fees().await?;
        let gas_limit = self.gas_limit(id).await?;
        self.check_total(&fees, gas_limit)?;
        if entry.nonce.is_none() {
            let floor = self.nonce_floor().await?;
            let account = self.account();
            let nonce = self.outbox.reserve_nonce(id, account, floor).await;
            entry.nonce = Some(nonce.map_err(ClientError::Outbox)?);
            entry.phase = Phase::Reserved;
        }
        self.sign(id, entry, fees, gas_limit).await
    }

    async fn current_fees(&mut self) -> Result<Fees, Error<C, S, O>> {
        if let Some(cached) = &mut self.fees
            && let Some(uses_left) = cached.uses_left.checked_sub(1)
        {
            cached.uses_left = uses_left;
            return Ok(cached.fees);
        }
        let Config {
            profile,
            limits,
            fee_refresh,
            ..
        } = &self.config;
        let fees = fees::ask(&mut self.link, profile, limits).await?;
        self.fees = Some(CachedFees {
            fees,
            uses_left: *fee_refresh,
        });
        Ok(fees)
    }

    async fn gas_limit(&mut self, id: EntryId) -> Result<u64, Error<C, S, O>> {
        let intent = read_intent(&mut self.outbox, id, self.intent_buf).await?;
        if let Some(gas_limit) = self.gas.as_ref().and_then(|cache| cache.fits(&intent)) {
            return Ok(gas_limit);
        }
        let limit = self.config.limits.max_gas;
        let estimate = gas::estimate(&mut self.link, self.address, &intent, limit).await?;
        self.gas = Some(estimate);
        Ok(estimate.gas_limit())
    }

    fn check_total(&self, fees: &Fees, gas_limit: u64) -> Result<(), Error<C, S, O>> {
        let gas = U256::from(gas_limit);
        let needed = Wei(gas.saturating_mul(fees.max_fee_per_gas.0));
        let limit = self.config.limits.max_fee;
        if needed > limit {
            return Err(ClientError::TotalFeeAboveLimit { needed, limit });
        }
        Ok(())
    }

    /// The account's journal knows the next nonce; only without one is a node believed.
    async fn nonce_floor(&mut self) -> Result<u64, Error<C, S, O>> {
        let account = self.account();
        let journal = self.outbox.next_nonce(account).await;
        if journal.map_err(ClientError::Outbox)?.is_some() {
            return Ok(0);
        }
        self.transaction_count(self.address, BlockTag::Pending)
            .await
    }

    async fn sign(
        &mut self,
        id: EntryId,
        entry: &mut Entry,
        fees: Fees,
        gas_limit: u64,
    ) -> Result<(), Error<C, S, O>> {
        self.check_total(&fees, gas_limit)?;
        let nonce = entry.nonce.ok_or(ClientError::NoSuchEntry)?;
        let intent = read_intent(&mut self.outbox, id, self.intent_buf).await?;
        let tx = transaction(&self.config.profile, &intent, nonce, &fees, gas_limit);
        let signature = self.signer.sign(&tx).await.map_err(ClientError::Signer)?;
        let signed = tx.into_signed(signature)?;
        let attempt = Attempt {
            fees,
            gas_limit,
            signature: signature.to_bytes(),
            is_y_odd: signature.recovery_id().is_some_and(RecoveryId::is_y_odd),
            hash: signed.hash(),
        };
        entry
            .attempts
            .push(attempt)
            .map_err(|_| ClientError::TooManyAttempts)?;
        entry.phase = Phase::Signed;
        self.outbox
            .update(id, entry)
            .await
            .map_err(ClientError::Outbox)
    }

    /// Hands the newest attempt to one node after the other until one has it.
    async fn deliver(&mut self, id: EntryId, entry: &mut Entry) -> Result<B256, Error<C, S, O>> {
        let waits = matches!(entry.phase, Phase::Signed | Phase::Sent);
        let attempt = entry.attempts.last().copied().filter(|_| waits);
        let (Some(attempt), Some(nonce)) = (attempt, entry.nonce) else {
            return Err(ClientError::NoSuchEntry);
        };
        let intent = read_intent(&mut self.outbox, id, self.intent_buf).await?;
        let Attempt {
            fees, gas_limit, ..
        } = &attempt;
        let tx = transaction(&self.config.profile, &intent, nonce, fees, *gas_limit);
        let needed = Wei(tx.max_fee().0.saturating_add(tx.value().0));
        let signed = resigned(tx, &attempt)?;
        let hand_in = async |link: &mut Link<'_, C>| hand_to(link, &signed, attempt.hash).await;
        // Whatever one node says against it, the next may take it.
        let outcome = self.link.on_next_node_after(|_| true, hand_in).await;
        let Err(error) = outcome else {
            entry.phase = Phase::Sent;
            self.outbox
                .update(id, entry)
                .await
                .map_err(ClientError::Outbox)?;
            return Ok(attempt.hash);
        };
        // A refusal may mean that fees rose; ask anew next time.
        self.fees = None;
        if self.is_taken(entry, nonce).await {
            entry.phase = Phase::Failed(FailReason::NonceTaken);
            self.outbox
                .update(id, entry)
                .await
                .map_err(ClientError::Outbox)?;
            return Err(ClientError::NonceTaken { nonce });
        }
        if let Some(balance) = self.balance_below(needed).await {
            return Err(ClientError::InsufficientFunds { needed, balance });
        }
        Err(error.into())
    }

    /// What the account holds, where that is less than `needed`. What nodes do not
    /// answer does not count.
    async fn balance_below(&mut self, needed: Wei) -> Option<Wei> {
        let balance = self.balance(self.address, BlockTag::Latest).await.ok()?;
        (balance < needed).then_some(balance)
    }

    /// Whether a transaction that is none of the entry's attempts was mined under its
    /// nonce: `quorum` nodes say so and none says otherwise, for this ends the entry.
    /// What nodes do not answer does not count.
    async fn is_taken(&mut self, entry: &Entry, nonce: u64) -> bool {
        let request = Request::TransactionCount {
            account: self.address,
            at: BlockTag::Latest,
        };
        let mut ask = async |link: &mut Link<'_, C>| {
            let count = link.ask_short::<u64>(&request).await?;
            if count <= nonce {
                return Ok(false);
            }
            for attempt in &entry.attempts {
                if is_known(link, attempt.hash).await? {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        let mut agreed = 0_usize;
        for _ in self.config.nodes {
            match self.link.on_this_node(&mut ask).await {
                Ok(true) => agreed = agreed.saturating_add(1),
                Ok(false) => return false,
                Err(_) => {}
            }
            self.link.turn();
        }
        agreed >= self.config.quorum.max(1)
    }
}

/// The intent of an entry that must be there.
pub(super) async fn read_intent<'b, N, S, O: Outbox>(
    outbox: &mut O,
    id: EntryId,
    buf: &'b mut [u8],
) -> Result<Intent<'b>, ClientError<N, S, O::Error>> {
    let intent = outbox.intent(id, buf).await;
    intent
        .map_err(ClientError::Outbox)?
        .ok_or(ClientError::NoSuchEntry)
}

/// Hands the raw bytes to the current node. What it says of them in words is not
/// believed: a node that refuses is asked whether it has the transaction.
async fn hand_to<C: Connect>(
    link: &mut Link<'_, C>,
    signed: &SignedTx<'_>,
    hash: B256,
) -> Result<(), NodeError<C::Error>> {
    let request = Request::SendRawTransaction(signed);
    let error = match link.ask(&request, ScalarAnswer::<Hash>::default()).await {
        Ok(found) if found == hash => return Ok(()),
        Ok(_) => NodeError::Lied(Lie::TransactionHash),
        Err(error) => error,
    };
    match is_known(link, hash).await {
        Ok(true) => Ok(()),
        _ => Err(error),
    }
}

/// Whether the node has this transaction, waiting or mined.
async fn is_known<C: Connect>(
    link: &mut Link<'_, C>,
    hash: B256,
) -> Result<bool, NodeError<C::Error>> {
    let answer = TransactionAnswer::default();
    let found = link.ask(&Request::Transaction(hash), answer).await?;
    match found {
        Some(info) if info.hash != hash => Err(Lie::TransactionHash.into()),
        found => Ok(found.is_some()),
    }
}

/// The transaction for an intent, the same each time.
fn transaction<'t>(
    profile: &ChainProfile,
    intent: &Intent<'t>,
    nonce: u64,
    fees: &Fees,
    gas_limit: u64,
) -> Transaction<'t> {
    let Intent { to, value, data } = *intent;
    let gas_limit = U256::from(gas_limit);
    let has_market = matches!(profile.fee_rule, FeeRule::BaseFee { .. });
    if has_market && profile.tx_types.contains(TxTypes::EIP1559) {
        return Transaction::Eip1559(TxEip1559 {
            chain_id: profile.chain_id.id(),
            nonce,
            max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
            max_fee_per_gas: fees.max_fee_per_gas,
            gas_limit,
            to,
            value,
            data,
            access_list: AccessList::EMPTY,
        });
    }
    Transaction::Legacy(TxLegacy {
        chain_id: profile.chain_id.in_legacy(),
        nonce,
        gas_price: fees.max_fee_per_gas,
        gas_limit,
        to,
        value,
        data,
    })
}

/// Joins a transaction with the signature that was made for it before.
fn resigned<'t>(tx: Transaction<'t>, attempt: &Attempt) -> Result<SignedTx<'t>, TxError> {
    let id = RecoveryId::from_parity(attempt.is_y_odd);
    let signed = tx.into_signed(Signature::from_bytes(&attempt.signature, Some(id))?)?;
    if signed.hash() != attempt.hash {
        return Err(TxError::BadSignature);
    }
    Ok(signed)
}
