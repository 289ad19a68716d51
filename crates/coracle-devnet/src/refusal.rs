//! Why the pool or the EVM will not take a transaction.

use core::fmt;

use revm::{context::result::InvalidTransaction, primitives::U256};

use crate::tx::DecodeError;

/// Why a transaction was not accepted. The texts are those of geth, so far as
/// it has the case.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// The bytes are no signed transaction.
    Decode(DecodeError),
    /// Longer than 128 KiB.
    Oversized,
    /// Signed for another chain.
    ChainId {
        /// Chain id of the transaction.
        have: u64,
        /// Chain id here.
        want: u64,
    },
    /// Signed for no chain, and the chain does not take those.
    Unprotected,
    /// A typed transaction on a chain of legacy ones.
    TypeNotSupported,
    /// In the pool already.
    AlreadyKnown,
    /// The account's nonce is past this one.
    NonceTooLow {
        /// Next nonce of the account.
        next: u64,
        /// Nonce of the transaction.
        have: u64,
    },
    /// The nonce is 2^64-1 (EIP-2681).
    NonceMax,
    /// Same sender and nonce as one that waits, without the 10 % more.
    Underpriced,
    /// The tip is below what the pool takes.
    TipTooLow {
        /// Tip cap of the transaction.
        have: u128,
        /// Least tip.
        want: u64,
    },
    /// The tip cap is above the fee cap.
    TipAboveCap,
    /// A call names a price below the base fee. A transaction with such a
    /// price is accepted and waits.
    CapBelowBaseFee,
    /// The account cannot pay gas limit, fee cap and value of all it has waiting.
    InsufficientFunds {
        /// Balance of the account.
        balance: U256,
        /// What it would have to have.
        cost: U256,
    },
    /// The gas limit is below the cost before the first instruction.
    IntrinsicGas {
        /// Gas limit.
        have: u64,
        /// Least gas limit.
        want: u64,
    },
    /// The gas limit is below the floor of EIP-7623.
    FloorGas {
        /// Gas limit.
        have: u64,
        /// Least gas limit.
        want: u64,
    },
    /// The gas limit is above that of a block.
    BlockGasLimit,
    /// The gas limit is above the cap of EIP-7825.
    GasCap {
        /// Gas limit.
        have: u64,
        /// Cap.
        cap: u64,
    },
    /// Init code longer than EIP-3860 allows.
    InitCode,
    /// The pool holds no more.
    PoolFull,
    /// The EVM failed in a way that no transaction should cause.
    Internal(String),
    /// Another rule of the EVM.
    Evm(InvalidTransaction),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(error) => write!(f, "{error}"),
            Self::Oversized => f.write_str("oversized data"),
            Self::ChainId { have, want } => write!(
                f,
                "invalid sender: invalid chain id for signer: have {have} want {want}"
            ),
            Self::Unprotected => {
                f.write_str("only replay-protected (EIP-155) transactions allowed over RPC")
            }
            Self::TypeNotSupported => f.write_str("transaction type not supported"),
            Self::AlreadyKnown => f.write_str("already known"),
            Self::NonceTooLow { next, have } => {
                write!(f, "nonce too low: next nonce {next}, tx nonce {have}")
            }
            Self::NonceMax => f.write_str("nonce has max value"),
            Self::Underpriced => f.write_str("replacement transaction underpriced"),
            Self::TipTooLow { have, want } => write!(
                f,
                "transaction underpriced: gas tip cap {have}, minimum needed {want}"
            ),
            Self::TipAboveCap => {
                f.write_str("max priority fee per gas higher than max fee per gas")
            }
            Self::CapBelowBaseFee => f.write_str("max fee per gas less than block base fee"),
            Self::InsufficientFunds { balance, cost } => write!(
                f,
                "insufficient funds for gas * price + value: balance {balance}, \
                 tx cost {cost}, overshot {}",
                cost.saturating_sub(*balance)
            ),
            Self::IntrinsicGas { have, want } => {
                write!(
                    f,
                    "intrinsic gas too low: gas {have}, minimum needed {want}"
                )
            }
            Self::FloorGas { have, want } => write!(
                f,
                "insufficient gas for floor data gas cost: gas {have}, minimum needed {want}"
            ),
            Self::BlockGasLimit => f.write_str("exceeds block gas limit"),
            Self::GasCap { have, cap } => {
                write!(f, "transaction gas limit too high (cap: {cap}, tx: {have})")
            }
            Self::InitCode => f.write_str("max initcode size exceeded"),
            Self::PoolFull => f.write_str("txpool is full"),
            Self::Internal(text) => write!(f, "internal error: {text}"),
            Self::Evm(error) => write!(f, "{error}"),
        }
    }
}

impl core::error::Error for Refusal {}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Type(_) => Self::TypeNotSupported,
            other => Self::Decode(other),
        }
    }
}

impl From<InvalidTransaction> for Refusal {
    fn from(error: InvalidTransaction) -> Self {
        match error {
            InvalidTransaction::LackOfFundForMaxFee { fee, balance } => Self::InsufficientFunds {
                balance: *balance,
                cost: *fee,
            },
            InvalidTransaction::CallGasCostMoreThanGasLimit {
                initial_gas,
                gas_limit,
            } => Self::IntrinsicGas {
                have: gas_limit,
                want: initial_gas,
            },
            InvalidTransaction::GasFloorMoreThanGasLimit {
                gas_floor,
                gas_limit,
            } => Self::FloorGas {
                have: gas_limit,
                want: gas_floor,
            },
            InvalidTransaction::GasPriceLessThanBasefee => Self::CapBelowBaseFee,
            InvalidTransaction::PriorityFeeGreaterThanMaxFee => Self::TipAboveCap,
            InvalidTransaction::CreateInitCodeSizeLimit => Self::InitCode,
            other => Self::Evm(other),
        }
    }
}
