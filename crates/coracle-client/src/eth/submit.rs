//! From an intent to a transaction that a node took.

use coracle_core::ecdsa::{RecoveryId, Secp256k1, Signature};
use coracle_core::{B256, Signer, U256, Wei};
use coracle_eth::rpc::{BlockTag, Hash, Quantity, Request, ScalarAnswer};
use coracle_eth::tx::{AccessList, SignedTx, Transaction, TxEip1559, TxError, TxLegacy};
use coracle_eth::{ChainProfile, FeeRule, TxTypes};
use coracle_net::Connect;
use embedded_hal_async::delay::DelayNs;

use super::client::{CachedFees, Error};
use super::fees::AboveLimit;
use super::give_up::cancellation;
use super::link::{Failed, Link, Nodes};
use super::standing::{Alarm, Standing, count, locate};
use super::{
    Attempt, ClientError, Config, Entry, EntryId, EthClient, Fees, Intent, Lie, NodeError, Outbox,
    Phase, Put, fees, gas,
};

impl<C, S, O, D> EthClient<'_, C, S, O, D>
where
    C: Connect,
    S: Signer<Curve = Secp256k1>,
    O: Outbox,
    D: DelayNs,
{
    /// Writes an intent down that is of no record and never expires. Asks no node.
    ///
    /// # Errors
    ///
    /// [`ClientError::Outbox`].
    pub async fn put(&mut self, id: EntryId, intent: &Intent<'_>) -> Result<Put, Error<C, S, O>> {
        self.put_record(id, B256::ZERO, None, intent).await
    }

    /// Writes an intent down that reports the record of this hash, and is of no use any
    /// more from `expires_s` on, in Unix seconds. Asks no node.
    ///
    /// # Errors
    ///
    /// [`ClientError::Outbox`].
    pub async fn put_record(
        &mut self,
        id: EntryId,
        record: B256,
        expires_s: Option<u64>,
        intent: &Intent<'_>,
    ) -> Result<Put, Error<C, S, O>> {
        let put = self.outbox.put(id, record, expires_s, intent).await;
        put.map_err(ClientError::Outbox)
    }

    /// What is known of an entry.
    ///
    /// # Errors
    ///
    /// [`ClientError::NoSuchEntry`], [`ClientError::Outbox`].
    pub async fn entry(&mut self, id: EntryId) -> Result<&Entry, Error<C, S, O>> {
        match self.load(id).await {
            Ok(()) => Ok(&self.entry),
            Err(failed) => Err(self.error(failed)),
        }
    }

    /// Makes and signs the entry's transaction unless that was done, and hands it to a
    /// node; returns the hash of the one that a node has, computed here: an older one of
    /// the entry's where the node refuses the newest in its favour.
    ///
    /// With fees, gas and nonce known from the entry before, this is one request. On an
    /// entry that was sent before it sends the same bytes again, to another node first
    /// where there is one. That is harmless: a transaction that the node knows counts as
    /// taken. For an entry that was given up it does the same with the transaction that
    /// takes its place.
    ///
    /// # Errors
    ///
    /// A limit that the chain's demands do not fit, a revert, or a node that does not
    /// answer leave the entry as it was before the nonce was set aside; what the signer
    /// refuses leaves it with its nonce, and later errors leave it signed: among them
    /// [`ClientError::InsufficientFunds`], where the account must be filled first. The
    /// transactions of entries after it wait for such an entry: submit it again, or
    /// [`cancel`](Self::cancel) it.
    ///
    /// [`ClientError::NonceTaken`] and [`ClientError::JournalBehind`] are alarms: see
    /// [`reconcile`](Self::reconcile).
    pub async fn submit(&mut self, id: EntryId) -> Result<B256, Error<C, S, O>> {
        let hash = self.prepare_and_deliver(id).await;
        hash.map_err(|failed| self.error(failed))
    }

    /// Replaces the entry's waiting transaction by one that pays more, under the same
    /// nonce, so that at most one of them is mined. Written down before it is sent.
    ///
    /// # Errors
    ///
    /// [`ClientError::FeeAboveLimit`], [`ClientError::TooManyAttempts`], and those of
    /// [`submit`](Self::submit). [`ClientError::NoSuchEntry`] where nothing waits.
    pub async fn bump(&mut self, id: EntryId) -> Result<B256, Error<C, S, O>> {
        let hash = self.sign_more_and_deliver(id).await;
        hash.map_err(|failed| self.error(failed))
    }

    async fn prepare_and_deliver(&mut self, id: EntryId) -> Result<B256, Failed> {
        self.load(id).await?;
        self.sign_what_is_due().await?;
        // The node that took it may have kept it to itself.
        if self.entry.phase == Phase::Sent && self.config.nodes.len() > 1 {
            self.link.turn();
        }
        self.deliver().await
    }

    /// Signs the transaction that the entry lacks, if any.
    pub(super) async fn sign_what_is_due(&mut self) -> Result<(), Failed> {
        match (self.entry.given_up, self.entry.phase) {
            (None, Phase::Queued | Phase::Reserved) => self.prepare().await,
            _ if self.entry.lacks_cancellation() => self.sign_cancellation().await,
            _ => Ok(()),
        }
    }

    async fn sign_more_and_deliver(&mut self, id: EntryId) -> Result<B256, Failed> {
        self.load(id).await?;
        let waits = matches!(self.entry.phase, Phase::Signed | Phase::Sent);
        let last = self.entry.attempts.last().copied().filter(|_| waits);
        let Some(last) = last else {
            return Err(self.fail(ClientError::NoSuchEntry));
        };
        if self.entry.lacks_cancellation() {
            self.sign_cancellation().await?;
            return self.deliver().await;
        }
        let kept = usize::from(!last.is_cancel);
        if self.entry.attempts.len().saturating_add(kept) >= Entry::MAX_ATTEMPTS {
            return Err(self.fail(ClientError::TooManyAttempts));
        }
        self.fees = None;
        let now = self.current_fees().await?;
        let fees = fees::bump(&last.fees, &now, &self.config.limits);
        let fees = self.within_limit(fees)?;
        self.sign(&fees, last.gas_limit, last.is_cancel).await?;
        self.deliver().await
    }

    /// Turns to an entry.
    pub(super) async fn load(&mut self, id: EntryId) -> Result<(), Failed> {
        self.link.is_aside = false;
        self.id = id;
        match self.outbox.entry(id).await {
            Ok(Some(entry)) => self.entry = entry,
            Ok(None) => return Err(self.fail(ClientError::NoSuchEntry)),
            Err(cause) => return Err(self.fail(ClientError::Outbox(cause))),
        }
        Ok(())
    }

    /// Makes durable what is known of the entry.
    pub(super) async fn save(&mut self, phase: Phase) -> Result<(), Failed> {
        self.entry.phase = phase;
        let saved = self.outbox.update(self.id, &self.entry).await;
        saved.map_err(|cause| self.fail(ClientError::Outbox(cause)))
    }

    /// Costs first, then the nonce, then the signature; each is durable before the next.
    async fn prepare(&mut self) -> Result<(), Failed> {
        self.be_calm()?;
        let fees = self.current_fees().await?;
        let gas_limit = self.gas_limit().await?;
        self.check_total(&fees, gas_limit)?;
        if self.entry.nonce.is_none() {
            let floor = self.nonce_floor().await?;
            let account = self.account();
            let nonce = self.outbox.reserve_nonce(self.id, account, floor).await;
            let nonce = nonce.map_err(|cause| self.fail(ClientError::Outbox(cause)))?;
            self.entry.nonce = Some(nonce);
            self.entry.phase = Phase::Reserved;
        }
        self.sign(&fees, gas_limit, false).await
    }

    pub(super) async fn current_fees(&mut self) -> Result<Fees, Failed> {
        if let Some(cached) = &mut self.fees
            && let Some(uses_left) = cached.uses_left.checked_sub(1)
        {
            cached.uses_left = uses_left;
            return Ok(cached.fees);
        }
        let Config {
            profile,
            limits,
            fee_refresh: uses_left,
            ..
        } = &self.config;
        let uses_left = *uses_left;
        let fees = fees::ask(&mut self.link, profile, limits).await?;
        let fees = self.within_limit(fees)?;
        self.fees = Some(CachedFees { fees, uses_left });
        Ok(fees)
    }

    async fn gas_limit(&mut self) -> Result<u64, Failed> {
        let intent = self.outbox.intent(self.id, self.intent_buf).await;
        let intent = known(&mut self.error, intent)?;
        if let Some(gas_limit) = self.gas.as_ref().and_then(|cache| cache.fits(&intent)) {
            return Ok(gas_limit);
        }
        let limit = self.config.limits.max_gas;
        let estimate = gas::estimate(&mut self.link, self.address, &intent, limit).await?;
        match estimate {
            Ok(estimate) => {
                self.gas = Some(estimate);
                Ok(estimate.gas_limit())
            }
            Err(needed) => Err(self.fail(ClientError::GasAboveLimit { needed, limit })),
        }
    }

    fn check_total(&mut self, fees: &Fees, gas_limit: u64) -> Result<(), Failed> {
        let gas = U256::from(gas_limit);
        let needed = Wei(gas.saturating_mul(fees.max_fee_per_gas.0));
        let limit = self.config.limits.max_fee;
        if needed > limit {
            self.keep(needed, limit);
            return Err(self.fail(ClientError::TotalFeeAboveLimit));
        }
        Ok(())
    }

    fn within_limit(&mut self, fees: Result<Fees, AboveLimit>) -> Result<Fees, Failed> {
        fees.map_err(|above| {
            self.keep(above.needed, above.limit);
            self.fail(ClientError::FeeAboveLimit)
        })
    }

    const fn keep(&mut self, needed: Wei, available: Wei) {
        self.link.detail.needed = needed;
        self.link.detail.available = available;
    }

    /// The account's journal knows the next nonce; only without one is a node believed.
    async fn nonce_floor(&mut self) -> Result<u64, Failed> {
        let journal = self.outbox.next_nonce(self.account()).await;
        match journal {
            Ok(Some(_)) => return Ok(0),
            Ok(None) => {}
            Err(cause) => return Err(self.fail(ClientError::Outbox(cause))),
        }
        let at = BlockTag::Pending;
        count(&mut self.link, Nodes::Any, self.address, at).await
    }

    pub(super) async fn sign(
        &mut self,
        fees: &Fees,
        gas_limit: u64,
        is_cancel: bool,
    ) -> Result<(), Failed> {
        self.be_calm()?;
        self.check_total(fees, gas_limit)?;
        let intent = match is_cancel {
            true => cancellation(self.address),
            false => {
                let intent = self.outbox.intent(self.id, self.intent_buf).await;
                known(&mut self.error, intent)?
            }
        };
        let nonce = self.entry.nonce.unwrap_or_default();
        let tx = transaction(&self.config.profile, &intent, nonce, fees, gas_limit);
        let signature = match self.signer.sign(&tx).await {
            Ok(signature) => signature,
            Err(cause) => return Err(self.fail(ClientError::Signer(cause))),
        };
        let hash = match tx.into_signed(signature) {
            Ok(signed) => signed.hash(),
            Err(cause) => return Err(self.fail(cause.into())),
        };
        let attempt = Attempt {
            fees: *fees,
            gas_limit,
            signature: signature.to_bytes(),
            is_y_odd: signature.recovery_id().is_some_and(RecoveryId::is_y_odd),
            is_cancel,
            hash,
        };
        if self.entry.attempts.push(attempt).is_err() {
            return Err(self.fail(ClientError::TooManyAttempts));
        }
        self.save(Phase::Signed).await
    }

    /// Hands the newest attempt to one node after the other until one has it.
    pub(super) async fn deliver(&mut self) -> Result<B256, Failed> {
        let waits = matches!(self.entry.phase, Phase::Signed | Phase::Sent);
        let attempt = self.entry.attempts.last().filter(|_| waits);
        let (Some(attempt), Some(nonce)) = (attempt, self.entry.nonce) else {
            return Err(self.fail(ClientError::NoSuchEntry));
        };
        let hash = attempt.hash;
        let intent = match attempt.is_cancel {
            true => cancellation(self.address),
            false => {
                let intent = self.outbox.intent(self.id, self.intent_buf).await;
                known(&mut self.error, intent)?
            }
        };
        let (fees, gas_limit) = (&attempt.fees, attempt.gas_limit);
        let tx = transaction(&self.config.profile, &intent, nonce, fees, gas_limit);
        let needed = Wei(tx.max_fee().0.saturating_add(tx.value().0));
        let signed = match resigned(tx, attempt) {
            Ok(signed) => signed,
            Err(cause) => return Err(self.fail(cause.into())),
        };
        if hand_to_any(&mut self.link, &signed, hash).await.is_ok() {
            return self.sent(hash).await;
        }
        // A refusal may mean that fees rose; ask anew next time.
        self.fees = None;
        self.explain_refusal(nonce, needed).await
    }

    /// A node has this transaction of the entry's. Flash is written only where that is new.
    async fn sent(&mut self, hash: B256) -> Result<B256, Failed> {
        if self.entry.phase != Phase::Sent {
            self.save(Phase::Sent).await?;
        }
        Ok(hash)
    }

    /// Asks nodes why none took the entry's newest transaction.
    async fn explain_refusal(&mut self, nonce: u64, needed: Wei) -> Result<B256, Failed> {
        let error = self.link.error.take();
        self.link.is_aside = true;
        let standing = self.standing(nonce).await;
        let balance = match standing {
            Standing::Free => {
                let request = Request::Balance {
                    account: self.address,
                    at: BlockTag::Latest,
                };
                let mut reply = self.link.reply::<ScalarAnswer<Quantity>>();
                let asked = self.link.ask(Nodes::Any, &request, &mut reply).await;
                asked.and_then(|()| reply.value()).ok()
            }
            _ => None,
        };
        self.link.is_aside = false;
        self.link.error = error;
        match standing {
            Standing::Free => {}
            Standing::Ours(hash) => return self.sent(hash).await,
            Standing::Stranger => return Err(self.raise(Alarm::NonceTaken { nonce })),
        }
        // What nodes do not answer does not count.
        if let Some(balance) = balance.filter(|balance| *balance < needed.0) {
            self.keep(needed, Wei(balance));
            return Err(self.fail(ClientError::InsufficientFunds));
        }
        Err(Failed)
    }
}

/// The intent of an entry that must be there; says in `error` that it is not.
pub(super) fn known<'b, N, S, O>(
    error: &mut Option<ClientError<N, S, O>>,
    intent: Result<Option<Intent<'b>>, O>,
) -> Result<Intent<'b>, Failed> {
    *error = Some(match intent {
        Ok(Some(intent)) => return Ok(intent),
        Ok(None) => ClientError::NoSuchEntry,
        Err(cause) => ClientError::Outbox(cause),
    });
    Err(Failed)
}

/// Hands the raw bytes to one node after the other until one has them: whatever one says
/// against them, the next may take them.
async fn hand_to_any<C: Connect>(
    link: &mut Link<'_, C>,
    signed: &SignedTx<'_>,
    hash: B256,
) -> Result<(), Failed> {
    let mut tries = link.tries(Nodes::Any);
    loop {
        let outcome = hand_to(link, signed, hash).await;
        if outcome.is_ok() || link.is_last(&mut tries) {
            return outcome;
        }
    }
}

/// Hands the raw bytes to the current node. What it says of them in words is not
/// believed: a node that refuses is asked whether it has the transaction.
async fn hand_to<C: Connect>(
    link: &mut Link<'_, C>,
    signed: &SignedTx<'_>,
    hash: B256,
) -> Result<(), Failed> {
    let request = Request::SendRawTransaction(signed);
    let mut reply = link.reply::<ScalarAnswer<Hash>>();
    if link.ask(Nodes::This, &request, &mut reply).await.is_ok() {
        match reply.value() {
            Ok(found) if found == hash => return Ok(()),
            Ok(_) => link.error = Some(NodeError::Lied(Lie::TransactionHash)),
            Err(Failed) => {}
        }
    }
    let error = link.error.take();
    link.is_aside = true;
    let found = locate(link, Nodes::This, hash).await;
    link.is_aside = false;
    match found {
        Ok(Some(_)) => Ok(()),
        _ => {
            link.error = error;
            Err(Failed)
        }
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
