//! What the owner of a device fixes beforehand.

use coracle_core::Wei;
use coracle_eth::ChainProfile;
use coracle_net::http::Target;

/// What no node can talk the device into.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Limits {
    /// Fee per unit of gas, at most.
    pub max_fee_per_gas: Wei,
    /// Tip per unit of gas, at most.
    pub max_priority_fee_per_gas: Wei,
    /// Gas of one transaction, at most.
    pub max_gas: u64,
    /// Fee of one transaction, at most: gas limit times fee per gas.
    pub max_fee: Wei,
}

/// How a client works. There is no default: limits are a decision.
#[derive(Clone, Copy, Debug)]
pub struct Config<'a> {
    /// The chain.
    pub profile: ChainProfile,
    /// Its nodes, in order of preference: at least one, at most [`Self::MAX_NODES`].
    pub nodes: &'a [Target<'a>],
    /// Ceilings.
    pub limits: Limits,
    /// How many nodes must tell the same receipt, and that its block stays, before it
    /// counts as final; 1 believes one node. More than there are nodes can never be reached.
    pub quorum: usize,
    /// Between two looks for a receipt, in milliseconds.
    pub poll_ms: u32,
    /// Looks for a receipt before `send` gives up waiting; the entry stays as it is.
    pub max_polls: u32,
    /// Submits after which fees are asked for again.
    pub fee_refresh: u32,
}

impl Config<'_> {
    /// The most nodes that a client keeps.
    pub const MAX_NODES: usize = 8;
}
