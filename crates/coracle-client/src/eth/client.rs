//! The client and what it is made of.

use core::fmt;

use coracle_core::ecdsa::Secp256k1;
use coracle_core::{Address, B256, Signer};
use coracle_eth::rpc::AnswerError;
use coracle_net::Connect;
use embedded_hal_async::delay::DelayNs;

use super::gas::GasCache;
use super::link::{Failed, Link};
use super::standing::Alarm;
use super::{Account, ClientError, Config, Detail, Entry, EntryId, Fees, Outbox};

/// The error of a client over transport `C`, signer `S` and outbox `O`.
pub type Error<C, S, O> =
    ClientError<<C as Connect>::Error, <S as Signer>::Error, <O as Outbox>::Error>;

/// What a client is built on.
pub struct Parts<'a, C, S, O, D> {
    /// The network.
    pub stack: &'a C,
    /// Who signs transactions.
    pub signer: S,
    /// What is to be done and what was done.
    pub outbox: O,
    /// How to wait between looks for a receipt.
    pub delay: D,
    /// Working buffer of the transport: 1 KiB is a good size, any size works.
    pub net_buf: &'a mut [u8],
    /// Holds the call data of one entry at a time, and what an outbox keeps with it.
    pub intent_buf: &'a mut [u8],
}

/// Carries intents to an Ethereum-like chain and settles them.
///
/// # Cancel safety
///
/// Of every method: what was durable stays, and the same call on the same entry goes on
/// from there. The connection is dropped with the future.
pub struct EthClient<'a, C: Connect + 'a, S: Signer, O: Outbox, D> {
    pub(super) config: Config<'a>,
    pub(super) link: Link<'a, C>,
    pub(super) signer: S,
    pub(super) outbox: O,
    pub(super) delay: D,
    pub(super) intent_buf: &'a mut [u8],
    pub(super) address: Address,
    pub(super) fees: Option<CachedFees>,
    pub(super) gas: Option<GasCache>,
    /// Nothing is signed while there is one.
    pub(super) alarm: Option<Alarm>,
    /// The entry that is being worked on.
    pub(super) id: EntryId,
    pub(super) entry: Entry,
    /// Why something [`Failed`], where it was not for the nodes.
    pub(super) error: Option<Error<C, S, O>>,
}

/// Fees that a node told, and for how many submits they still do.
#[derive(Clone, Copy, Debug)]
pub(super) struct CachedFees {
    pub(super) fees: Fees,
    pub(super) uses_left: u32,
}

impl<'a, C, S, O, D> EthClient<'a, C, S, O, D>
where
    C: Connect,
    S: Signer<Curve = Secp256k1>,
    O: Outbox,
    D: DelayNs,
{
    /// A client that has not asked anything yet.
    ///
    /// # Errors
    ///
    /// [`ClientError::BadNodeCount`].
    pub fn new(parts: Parts<'a, C, S, O, D>, config: Config<'a>) -> Result<Self, Error<C, S, O>> {
        let link = Link::new(parts.stack, &config, parts.net_buf);
        Ok(Self {
            link: link.ok_or(ClientError::BadNodeCount)?,
            address: Address::from_public_key(parts.signer.public_key()),
            config,
            signer: parts.signer,
            outbox: parts.outbox,
            delay: parts.delay,
            intent_buf: parts.intent_buf,
            fees: None,
            gas: None,
            alarm: None,
            id: EntryId {
                device: B256::ZERO,
                sequence: 0,
            },
            entry: Entry::QUEUED,
            error: None,
        })
    }

    /// The account that pays and signs.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// What the client was told to keep to.
    pub const fn config(&self) -> &Config<'a> {
        &self.config
    }

    /// The outbox, to put entries and to look at them.
    pub const fn outbox(&mut self) -> &mut O {
        &mut self.outbox
    }

    /// The signer, for records signed with the same key.
    pub const fn signer(&mut self) -> &mut S {
        &mut self.signer
    }

    /// The delay, to wait between looks of one's own.
    pub const fn delay(&mut self) -> &mut D {
        &mut self.delay
    }

    /// What the last failure was about, beyond its error.
    pub const fn detail(&self) -> &Detail {
        &self.link.detail
    }

    /// Closes the connection, for example before the radio sleeps.
    pub fn close(&mut self) {
        self.link.close();
    }

    /// Forgets fees and gas that nodes told; the next submit asks again.
    pub const fn forget_costs(&mut self) {
        self.fees = None;
        self.gas = None;
    }

    /// Says why something failed.
    pub(super) fn fail(&mut self, error: Error<C, S, O>) -> Failed {
        self.error = Some(error);
        Failed
    }

    /// Why something failed, for the caller.
    pub(super) fn error(&mut self, Failed: Failed) -> Error<C, S, O> {
        let of_nodes = self.link.error.take().map(ClientError::Node);
        let error = self.error.take().or(of_nodes);
        // Whoever fails says why.
        error.unwrap_or(ClientError::Node(AnswerError::BadShape.into()))
    }

    pub(super) const fn account(&self) -> Account {
        Account {
            chain_id: self.config.profile.chain_id.id(),
            address: self.address,
        }
    }
}

impl<C: Connect, S: Signer, O: Outbox, D> fmt::Debug for EthClient<'_, C, S, O, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EthClient")
            .field("address", &self.address)
            .field("profile", &self.config.profile)
            .field("node", &self.link.current())
            .finish_non_exhaustive()
    }
}
