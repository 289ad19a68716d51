//! Chains as data: what one Ethereum-like chain does differently from the next.

use crate::bech32;
use coracle_core::hex::Hex;
use coracle_core::{Address, Encode, Sink, Wei};

/// What a client must know of a chain before it talks to a node of it.
///
/// A new chain is a constant of this type, not code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ChainProfile {
    /// The name in messages.
    pub name: &'static str,
    /// The chain id, and whether transactions must name it.
    pub chain_id: ChainIdRule,
    /// Transaction types that its nodes take.
    pub tx_types: TxTypes,
    /// How its nodes write addresses.
    pub address_form: AddressForm,
    /// What stands before the names of its JSON-RPC methods: `eth_` in `eth_call`.
    pub method_prefix: &'static str,
    /// How it asks for fees.
    pub fee_rule: FeeRule,
    /// When one of its blocks counts as final.
    pub finality: Finality,
}

/// How a chain separates its transactions from those of other chains.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ChainIdRule {
    /// Every transaction names this id (EIP-155 for legacy ones).
    Required(u64),
    /// The chain has this id; legacy transactions are sent without one, as a private
    /// chain from before EIP-155 wants them. Anyone can replay them elsewhere.
    Omitted(u64),
}

impl ChainIdRule {
    /// The id that a node of the chain must report.
    pub const fn id(self) -> u64 {
        match self {
            Self::Required(id) | Self::Omitted(id) => id,
        }
    }

    /// The id that a legacy transaction carries.
    pub const fn in_legacy(self) -> Option<u64> {
        match self {
            Self::Required(id) => Some(id),
            Self::Omitted(_) => None,
        }
    }
}

/// A set of transaction types.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TxTypes(u8);

impl TxTypes {
    /// Legacy transactions.
    pub const LEGACY: Self = Self(1);

    /// EIP-2930, type 1.
    pub const EIP2930: Self = Self(1 << 1);

    /// EIP-1559, type 2.
    pub const EIP1559: Self = Self(1 << 2);

    /// The three of them.
    pub const LONDON: Self = Self::LEGACY.and(Self::EIP2930).and(Self::EIP1559);

    /// Both sets together.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every type of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// How the nodes of a chain write an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AddressForm {
    /// `0x` and 40 digits, mixed case as a checksum (EIP-55).
    Hex,
    /// Bech32 with this human-readable part (BIP-173): `lat1…`.
    Bech32 {
        /// The human-readable part.
        hrp: &'static str,
    },
}

/// How a chain asks for fees.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FeeRule {
    /// A base fee that each block sets, and a tip on top (EIP-1559).
    BaseFee {
        /// The tip below which nodes of this chain refuse.
        min_tip: Wei,
    },
    /// One price per unit of gas (`gasPrice`).
    GasPrice {
        /// The price below which nodes of this chain refuse.
        min_price: Wei,
    },
}

/// When a block counts as final.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Finality {
    /// When the node's block tag `finalized` has reached it.
    FinalizedTag,
    /// When this many blocks stand on top of it.
    Confirmations(u64),
}

impl ChainProfile {
    /// Ethereum mainnet. Its nodes refuse transactions without a tip.
    pub const ETHEREUM: Self = Self {
        name: "Ethereum",
        chain_id: ChainIdRule::Required(1),
        tx_types: TxTypes::LONDON,
        address_form: AddressForm::Hex,
        method_prefix: "eth_",
        fee_rule: FeeRule::BaseFee {
            min_tip: Wei::from_u64(1),
        },
        finality: Finality::FinalizedTag,
    };

    /// Ethereum's test chain Sepolia.
    pub const SEPOLIA: Self = Self {
        name: "Sepolia",
        ..Self::ETHEREUM.with_chain_id(11_155_111)
    };

    /// Polygon PoS. Its nodes refuse tips below 25 gwei.
    pub const POLYGON: Self = Self {
        name: "Polygon",
        chain_id: ChainIdRule::Required(137),
        fee_rule: FeeRule::BaseFee {
            min_tip: Wei::from_gwei(25),
        },
        ..Self::ETHEREUM
    };

    /// PlatON: `platon_*` methods, bech32 addresses, legacy transactions; a block that
    /// its BFT consensus made is final, two more for a lying node.
    pub const PLATON: Self = Self {
        name: "PlatON",
        chain_id: ChainIdRule::Required(210_425),
        tx_types: TxTypes::LEGACY,
        address_form: AddressForm::Bech32 { hrp: "lat" },
        method_prefix: "platon_",
        fee_rule: FeeRule::GasPrice {
            min_price: Wei::ZERO,
        },
        finality: Finality::Confirmations(2),
    };

    /// The same rules under another chain id: test chains and private chains.
    pub const fn with_chain_id(self, id: u64) -> Self {
        Self {
            chain_id: ChainIdRule::Required(id),
            ..self
        }
    }

    /// The same rules with another rule of finality.
    pub const fn with_finality(self, finality: Finality) -> Self {
        Self { finality, ..self }
    }

    /// The same rules with another fee rule.
    pub const fn with_fee_rule(self, fee_rule: FeeRule) -> Self {
        Self { fee_rule, ..self }
    }
}

impl AddressForm {
    /// Reads an address in this form; where the form is bech32, plain hexadecimal is
    /// taken too, since tools and older nodes write it.
    pub fn parse(self, text: &str) -> Option<Address> {
        match self {
            Self::Bech32 { hrp } if !text.starts_with("0x") => {
                let decoded = bech32::Bech32::decode(text).ok()?;
                let same_hrp = decoded.hrp().eq_ignore_ascii_case(hrp);
                let mut bytes = [0; Address::LEN];
                let len = decoded.to_bytes(&mut bytes).ok()?;
                (same_hrp && len == Address::LEN).then_some(Address(bytes))
            }
            _ => text.parse().ok(),
        }
    }

    /// Prints an address in this form.
    pub const fn display(self, address: Address) -> DisplayAddress {
        DisplayAddress {
            address,
            form: self,
        }
    }
}

/// An address on its way to be printed in a chain's form.
///
/// As an encoding it is that text too, but without the checksum of EIP-55, which nodes do
/// not look at and which costs a digest.
#[derive(Clone, Copy, Debug)]
pub struct DisplayAddress {
    address: Address,
    form: AddressForm,
}

impl core::fmt::Display for DisplayAddress {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.form {
            AddressForm::Hex => self.address.fmt(f),
            AddressForm::Bech32 { hrp } => bech32::encode(hrp, self.address.as_bytes(), f),
        }
    }
}

impl Encode for DisplayAddress {
    fn encode(&self, out: &mut dyn Sink) {
        match self.form {
            AddressForm::Hex => Hex(self.address.as_bytes()).encode(out),
            AddressForm::Bech32 { hrp } => bech32::write(hrp, self.address.as_bytes(), out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn platon_addresses_are_bech32() {
        let form = ChainProfile::PLATON.address_form;
        let address = Address([0x11; 20]);
        let text = form.display(address).to_string();
        assert!(text.starts_with("lat1"), "{text}");
        assert_eq!(form.parse(&text), Some(address));
        assert_eq!(form.parse(&text.to_uppercase()), Some(address));
        assert_eq!(form.parse(&address.to_string()), Some(address));
    }

    #[test]
    fn another_human_readable_part_is_refused() {
        let test_net = AddressForm::Bech32 { hrp: "lax" };
        let text = test_net.display(Address([1; 20])).to_string();
        assert_eq!(ChainProfile::PLATON.address_form.parse(&text), None);
    }

    #[test]
    fn omitted_ids_stay_out_of_legacy_transactions() {
        assert_eq!(ChainIdRule::Omitted(5).in_legacy(), None);
        assert_eq!(ChainIdRule::Required(5).in_legacy(), Some(5));
        assert_eq!(ChainIdRule::Omitted(5).id(), 5);
    }
}
