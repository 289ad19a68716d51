#![doc = include_str!("../README.md")]

mod bech32;
mod block;
mod chain;
mod config;
mod devnet;
mod eth;
mod evm;
mod header;
mod http;
mod pool;
mod refusal;
mod rlp;
mod rpc;
mod state;
mod trie;
mod tx;

pub use revm::primitives::{Address, B256, Bytes, Log, U256, alloy_primitives::Bloom};

pub use crate::{
    block::{Block, BlockRef, Mined, Receipt},
    chain::Orphans,
    config::{Clock, Config, Mining},
    devnet::Devnet,
    evm::{Call, Outcome},
    header::{Header, next_base_fee},
    http::Server,
    refusal::Refusal,
    rpc::RpcError,
    tx::{DecodeError, Transaction, TxType},
};
