//! How a chain is set up.

use revm::primitives::{Address, U256};

/// When blocks are made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mining {
    /// One block after every transaction that is accepted.
    Automatic,
    /// Blocks are made on demand only; transactions wait in the pool.
    Manual,
}

/// Where the time stamp of a block comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Clock {
    /// `genesis_timestamp + number * seconds`: the same in every run.
    PerBlock {
        /// Seconds between two blocks.
        seconds: u64,
    },
    /// The clock of the host, and at least one second after the parent.
    Host,
}

/// What a chain is made from.
///
/// Start from [`Config::local`] or [`Config::platon`] and change fields.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    /// Chain id of the `CHAINID` opcode and of EIP-155 signatures.
    pub chain_id: u64,
    /// When blocks are made.
    pub mining: Mining,
    /// Where block time stamps come from.
    pub clock: Clock,
    /// Unix seconds of block 0.
    pub genesis_timestamp: u64,
    /// Base fee of block 0, wei per gas.
    pub base_fee: u64,
    /// Gas limit of every block.
    pub gas_limit: u64,
    /// Least tip the pool takes, wei per gas.
    pub min_tip: u64,
    /// Tip that `eth_maxPriorityFeePerGas` suggests, wei per gas.
    pub suggested_tip: u64,
    /// Word before the underscore in the chain's methods: `eth` or `platon`.
    pub method_prefix: String,
    /// Human-readable part of bech32 addresses; `None` means `0x` addresses.
    ///
    /// With a part set, the JSON-RPC face speaks bech32 only, in both directions.
    pub hrp: Option<String>,
    /// Takes the typed transactions of EIP-2718, not only legacy ones.
    pub typed_transactions: bool,
    /// Takes legacy transactions signed for no chain in particular.
    pub unprotected_transactions: bool,
    /// How many blocks `safe` is behind `latest`.
    pub safe_depth: u64,
    /// How many blocks `finalized` is behind `latest`.
    pub finalized_depth: u64,
    /// Balances in block 0, in wei.
    pub funded: Vec<(Address, U256)>,
}

impl Config {
    /// An Ethereum chain with id 31337: automatic mining, a block every two
    /// seconds of chain time, `safe` two and `finalized` four blocks back.
    pub fn local() -> Self {
        Self {
            chain_id: 31_337,
            mining: Mining::Automatic,
            clock: Clock::PerBlock { seconds: 2 },
            genesis_timestamp: 1_700_000_000,
            base_fee: 1_000_000_000,
            gas_limit: 30_000_000,
            min_tip: 1,
            suggested_tip: 1_000_000_000,
            method_prefix: "eth".into(),
            hrp: None,
            typed_transactions: true,
            unprotected_transactions: true,
            safe_depth: 2,
            finalized_depth: 4,
            funded: Vec::new(),
        }
    }

    /// A PlatON chain: `platon_*` methods, `lat1...` addresses, legacy
    /// transactions with a chain id.
    pub fn platon() -> Self {
        Self {
            chain_id: 210_425,
            method_prefix: "platon".into(),
            hrp: Some("lat".into()),
            typed_transactions: false,
            unprotected_transactions: false,
            ..Self::local()
        }
    }

    /// Gives `address` a balance of `wei` in block 0.
    #[must_use]
    pub fn fund(mut self, address: Address, wei: U256) -> Self {
        self.funded.push((address, wei));
        self
    }
}
