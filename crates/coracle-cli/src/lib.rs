#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(test),
    deny(clippy::expect_used, clippy::panic, clippy::unwrap_used)
)]

pub mod abi_json;
mod cli;
mod devnet;
mod eth;
mod failure;
mod input;
mod key;
mod keystore;
mod modem_sim;
mod output;
mod passphrase;
mod record;
mod rlp;

pub use crate::cli::main;
