//! The client of Ethereum-like chains.
//!
//! ```text
//! put ── Queued ── submit ─┬─ Reserved (nonce) ─ Signed ─ Sent ── settle ─┬─ Included ─ Final
//!                          │  durable before the next step                ├─ Failed (reverted)
//!                          └─ errors before Reserved leave it Queued      └─ back to Sent (reorganised)
//!
//! cancel, expire ─┬─ Queued ── Failed (cancelled), Expired
//!                 └─ Reserved, Signed, Sent ── another transaction under the nonce ── Signed ─ Sent ─ ...
//! ```
//!
//! Nothing of an answer is taken on trust where the device can know better: see the
//! table of lies in the crate's README.

mod client;
mod config;
mod error;
mod fees;
mod gas;
mod give_up;
mod link;
mod memory;
mod outbox;
mod read;
mod reconcile;
mod settle;
mod standing;
#[cfg(feature = "store")]
mod stored;
mod submit;

pub use self::client::{Error, EthClient, Parts};
pub use self::config::{Config, Limits};
pub use self::error::{ClientError, Detail, Explained, Lie, NodeError, RevertData};
pub use self::gas::intrinsic_gas;
pub use self::memory::{MemoryError, MemoryOutbox};
pub use self::outbox::{
    Account, Attempt, Entry, FailReason, Fees, GivenUp, Inclusion, Intent, Outbox, Phase,
};
pub use self::settle::{Milestone, Progress};
pub use crate::{EntryId, Put};
