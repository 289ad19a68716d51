//! Errors of the client.

use core::fmt;

use coracle_core::{Error, ErrorKind, Wei};
use coracle_eth::abi::Revert;
use coracle_eth::rpc::AnswerError;
use coracle_eth::tx::TxError;
use coracle_net::http::HttpError;
use coracle_net::rpc::{CallError, ErrorText};

/// Why nodes gave no answer that can be used; `N` is the transport's error.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NodeError<N> {
    /// The node could not be asked, or answered with an error.
    Call(CallError<N>),
    /// The node's answer is not of the form that the API prescribes.
    Answer(AnswerError),
    /// The node said what cannot be true.
    Lied(Lie),
    /// The call reverts, or the transaction did; [`Detail::revert`] has the reason.
    Reverted,
}

/// Why a call of the client failed. `N`, `S` and `O` are the errors of transport, signer
/// and outbox. Small, since it goes through many hands; [`Detail`] has the particulars.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ClientError<N, S, O> {
    /// No node is configured, or more than [`Config::MAX_NODES`](super::Config::MAX_NODES).
    BadNodeCount,
    /// The nodes.
    Node(NodeError<N>),
    /// The chain asks for a higher fee per gas than the limit; try later. [`Detail`] has
    /// the least fee that would do, and the limit.
    FeeAboveLimit,
    /// The call needs more gas than the limit.
    GasAboveLimit {
        /// Gas that it needs.
        needed: u64,
        /// The limit.
        limit: u64,
    },
    /// Gas limit and fee per gas are within their limits, their product is not.
    /// [`Detail`] has the product, and the limit.
    TotalFeeAboveLimit,
    /// The account holds less than the transaction may cost. The entry stays signed:
    /// fill the account and submit it again. [`Detail`] has value and fee at most, and
    /// what the account holds, as a node tells it.
    InsufficientFunds,
    /// The outbox has no entry of this id, or not one in a fitting state.
    NoSuchEntry,
    /// As many attempts as an entry can hold were made.
    TooManyAttempts,
    /// A transaction that is not ours was mined under the reserved nonce: the key is
    /// used elsewhere, or the flash is a copy. Nothing is signed until the owner decides;
    /// see [`EthClient::adopt_nonce`](super::EthClient::adopt_nonce).
    NonceTaken {
        /// The nonce.
        nonce: u64,
    },
    /// The chain counts more transactions of the account than the journal gave numbers:
    /// the flash was put back to an earlier state or is a copy, or the key is used
    /// elsewhere. Nothing is signed until the owner decides, as above.
    JournalBehind {
        /// The next nonce of the journal.
        journal: u64,
        /// That of the chain, as nodes tell it.
        chain: u64,
    },
    /// No receipt came in time; the entry stays as it is.
    TimedOut,
    /// The signer did not sign.
    Signer(S),
    /// The signature does not fit the transaction.
    Transaction(TxError),
    /// The outbox failed.
    Outbox(O),
}

/// What a node said that cannot be true.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Lie {
    /// It is on another chain than the profile names.
    ChainId {
        /// The id that it says.
        found: u64,
    },
    /// It returned another hash for the transaction than the device computed.
    TransactionHash,
    /// It returned the receipt of another transaction.
    ReceiptHash,
    /// The receipt names a block that is not the chain's block of that number.
    ReceiptBlock,
    /// The transaction used more gas than it allowed.
    GasUsed,
    /// It returned another block than was asked for.
    BlockNumber,
}

impl<N: fmt::Display> fmt::Display for NodeError<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(cause) => cause.fmt(f),
            Self::Answer(cause) => cause.fmt(f),
            Self::Lied(lie) => lie.fmt(f),
            Self::Reverted => f.write_str("reverted"),
        }
    }
}

impl<N: fmt::Display, S: fmt::Display, O: fmt::Display> fmt::Display for ClientError<N, S, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadNodeCount => f.write_str("no node, or too many, configured"),
            Self::Node(cause) => cause.fmt(f),
            Self::FeeAboveLimit => f.write_str("chain asks for more per gas than the limit"),
            Self::GasAboveLimit { needed, limit } => {
                write!(f, "call needs {needed} gas, limit is {limit}")
            }
            Self::TotalFeeAboveLimit => f.write_str("transaction could cost more than the limit"),
            Self::InsufficientFunds => {
                f.write_str("transaction could cost more than the account holds")
            }
            Self::NoSuchEntry => f.write_str("no such entry in the outbox"),
            Self::TooManyAttempts => f.write_str("too many attempts for one entry"),
            Self::NonceTaken { nonce } => {
                write!(f, "nonce {nonce} was taken by another transaction")
            }
            Self::JournalBehind { journal, chain } => {
                write!(f, "chain is at nonce {chain}, journal at {journal}")
            }
            Self::TimedOut => f.write_str("no receipt in time"),
            Self::Signer(cause) => cause.fmt(f),
            Self::Transaction(cause) => cause.fmt(f),
            Self::Outbox(cause) => cause.fmt(f),
        }
    }
}

impl fmt::Display for Lie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChainId { found } => write!(f, "node is on chain {found}"),
            Self::TransactionHash => f.write_str("node returned another transaction hash"),
            Self::ReceiptHash => f.write_str("node returned the receipt of another transaction"),
            Self::ReceiptBlock => f.write_str("receipt names a block that is not on the chain"),
            Self::GasUsed => f.write_str("receipt says more gas than the transaction allowed"),
            Self::BlockNumber => f.write_str("node returned another block than was asked for"),
        }
    }
}

impl<N: core::error::Error + 'static> core::error::Error for NodeError<N> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Call(cause) => Some(cause),
            Self::Answer(cause) => Some(cause),
            _ => None,
        }
    }
}

impl<N: embedded_io_async::Error + 'static> Error for NodeError<N> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Call(cause) => cause.kind(),
            Self::Answer(cause) => cause.kind(),
            Self::Lied(_) | Self::Reverted => ErrorKind::Remote,
        }
    }
}

impl<N> NodeError<N> {
    /// Whether another node may do better.
    pub(super) fn is_of_node(&self) -> bool {
        match self {
            Self::Call(CallError::Http(HttpError::Buffer(_) | HttpError::UnsteadyEncoder)) => false,
            Self::Call(CallError::Answer(coracle_net::rpc::AnswerError::Rpc(error))) => {
                error.kind() == ErrorKind::Retry
            }
            Self::Call(_) | Self::Lied(_) => true,
            Self::Answer(cause) => cause.kind() == ErrorKind::Remote,
            Self::Reverted => false,
        }
    }
}

impl<N, S, O> core::error::Error for ClientError<N, S, O>
where
    N: core::error::Error + 'static,
    S: core::error::Error + 'static,
    O: core::error::Error + 'static,
{
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Node(cause) => Some(cause),
            Self::Signer(cause) => Some(cause),
            Self::Transaction(cause) => Some(cause),
            Self::Outbox(cause) => Some(cause),
            _ => None,
        }
    }
}

impl<N, S, O> Error for ClientError<N, S, O>
where
    N: embedded_io_async::Error + 'static,
    S: Error,
    O: Error,
{
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Node(cause) => cause.kind(),
            Self::NonceTaken { .. } => ErrorKind::Remote,
            Self::FeeAboveLimit | Self::InsufficientFunds | Self::TimedOut => ErrorKind::Retry,
            Self::Signer(cause) => cause.kind(),
            Self::Transaction(_) | Self::JournalBehind { .. } => ErrorKind::Device,
            Self::Outbox(cause) => cause.kind(),
            _ => ErrorKind::Caller,
        }
    }
}

impl<N> From<AnswerError> for NodeError<N> {
    fn from(cause: AnswerError) -> Self {
        Self::Answer(cause)
    }
}

impl<N> From<Lie> for NodeError<N> {
    fn from(lie: Lie) -> Self {
        Self::Lied(lie)
    }
}

impl<N, S, O> From<NodeError<N>> for ClientError<N, S, O> {
    fn from(cause: NodeError<N>) -> Self {
        Self::Node(cause)
    }
}

impl<N, S, O> From<Lie> for ClientError<N, S, O> {
    fn from(lie: Lie) -> Self {
        Self::Node(NodeError::Lied(lie))
    }
}

impl<N, S, O> From<TxError> for ClientError<N, S, O> {
    fn from(cause: TxError) -> Self {
        Self::Transaction(cause)
    }
}

/// What the last failure of a client was about, beyond its code.
///
/// Kept in one place of the client, so that errors stay small. Each member counts only
/// where the error says so.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Detail {
    /// The start of what the node said that refused ([`CallError::rpc`]).
    pub message: ErrorText,
    /// What the contract returned that reverted ([`NodeError::Reverted`]).
    pub revert: RevertData,
    /// What it would take ([`ClientError::FeeAboveLimit`],
    /// [`ClientError::TotalFeeAboveLimit`], [`ClientError::InsufficientFunds`]).
    pub needed: Wei,
    /// What there is: the limit, or the balance.
    pub available: Wei,
}

impl Detail {
    /// Nothing failed yet.
    pub const NONE: Self = Self {
        message: ErrorText::EMPTY,
        revert: RevertData::EMPTY,
        needed: Wei::ZERO,
        available: Wei::ZERO,
    };
}

/// Prints an error with its particulars.
///
/// Foreign text in it is made harmless.
#[derive(Debug)]
pub struct Explained<'a, N, S, O> {
    error: &'a ClientError<N, S, O>,
    detail: &'a Detail,
}

impl<N, S, O> ClientError<N, S, O> {
    /// The error and its particulars, to be printed.
    pub const fn explain<'a>(&'a self, detail: &'a Detail) -> Explained<'a, N, S, O> {
        Explained {
            error: self,
            detail,
        }
    }
}

impl<N: fmt::Display, S: fmt::Display, O: fmt::Display> fmt::Display for Explained<'_, N, S, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Detail {
            message,
            revert,
            needed,
            available,
        } = self.detail;
        match self.error {
            ClientError::Node(NodeError::Reverted) => write!(f, "reverted: {revert}"),
            ClientError::Node(NodeError::Call(error)) if error.rpc().is_some() => {
                write!(f, "{error}: {message}")
            }
            ClientError::FeeAboveLimit => write!(
                f,
                "chain asks for {} gwei per gas, limit is {}",
                needed.gwei(),
                available.gwei()
            ),
            ClientError::TotalFeeAboveLimit => write!(
                f,
                "transaction could cost {} ether, limit is {}",
                needed.ether(),
                available.ether()
            ),
            ClientError::InsufficientFunds => write!(
                f,
                "transaction could cost {} ether, account holds {}",
                needed.ether(),
                available.ether()
            ),
            error => error.fmt(f),
        }
    }
}

/// What a contract returned when it reverted, as far as it fits.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RevertData {
    bytes: [u8; Self::MAX_LEN],
    full_len: usize,
}

impl RevertData {
    /// Bytes that are kept: `Error(string)` with a reason of 64 bytes.
    pub const MAX_LEN: usize = 132;

    pub(super) const EMPTY: Self = Self {
        bytes: [0; Self::MAX_LEN],
        full_len: 0,
    };

    /// Where the start of the data goes.
    pub(super) const fn buf(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Says how much data there is.
    pub(super) const fn set_len(&mut self, full_len: usize) {
        self.full_len = full_len;
    }

    /// The bytes that were kept.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.full_len).unwrap_or(&self.bytes)
    }

    /// The full length in bytes.
    pub const fn full_len(&self) -> usize {
        self.full_len
    }

    /// What the bytes say.
    pub fn decode(&self) -> Revert<'_> {
        Revert::decode(self.as_slice())
    }
}

/// Prints the reason with control characters escaped, cut where it was cut.
impl fmt::Display for RevertData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Selector, offset and length before the text of `Error(string)`.
        const TEXT: usize = 68;
        let is_cut = self.full_len > self.bytes.len();
        if is_cut && self.bytes.starts_with(&[0x08, 0xc3, 0x79, 0xa0]) {
            let text = self.bytes.get(TEXT..).unwrap_or_default();
            text.utf8_chunks()
                .try_for_each(|chunk| write_plain(chunk.valid(), f))?;
            return f.write_str("...");
        }
        match self.decode() {
            Revert::Error(reason) => write_plain(reason, f),
            other => other.fmt(f),
        }
    }
}

fn write_plain(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    text.chars().try_for_each(|c| match c.is_control() {
        true => write!(f, "{}", c.escape_default()),
        false => write!(f, "{c}"),
    })
}
