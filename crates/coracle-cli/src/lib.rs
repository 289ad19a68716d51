//! The coracle command: keys, transactions, ABI, records, an embedded chain.

pub mod abi_json;
