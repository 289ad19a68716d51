//! What the tests of the meter share.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::path::PathBuf;
use std::process::{Command, Output};

use coracle::core::ecdsa::{PublicKey, Secp256k1, SecretKey};
use coracle::core::{Encode, Sink, Wei, hex};
use coracle::eth::ChainProfile;
use coracle::eth::tx::{AccessList, CallData, Transaction, TxEip1559};
use coracle::record::{Bundle, Place, Start, Summary};
use embedded_hal_async::delay::DelayNs;
use meter::host::{Ask, Options};

/// The embedded chain.
pub(crate) const PROFILE: ChainProfile = ChainProfile::ETHEREUM.with_chain_id(31_337);

/// A file of this test run.
pub(crate) fn temporary(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Runs the program.
pub(crate) fn meter(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meter"));
    command.args(args).output().expect("the program starts")
}

pub(crate) fn options(args: &[&str]) -> Options {
    match Ask::parse(args.iter().map(ToString::to_string)) {
        Ok(Ask::Run(options)) => options,
        other => panic!("{args:?} is {other:?}"),
    }
}

/// Audits a bundle with the key beside it, as the whole chain of its device.
pub(crate) fn audit(bundle: &std::path::Path) -> Summary {
    let bytes = std::fs::read(bundle).expect("the bundle is there");
    let key = std::fs::read_to_string(bundle.with_extension("pub")).expect("the key is there");
    let key: [u8; 33] = hex::decode_array(key.trim()).expect("hexadecimal");
    let key = PublicKey::<Secp256k1>::from_sec1(&key).expect("a point");
    let bundle = Bundle::decode(&bytes).expect("a bundle");
    let device = *bundle.claimed_device();
    assert!(bundle.claims_key(&key));
    bundle.audit(&key, device, Start::At(Place::FIRST)).finish()
}

/// Calls a closure instead of waiting.
pub(crate) struct Hook<F>(pub(crate) F);

impl<F: FnMut()> DelayNs for Hook<F> {
    async fn delay_ns(&mut self, _: u32) {
        (self.0)();
    }
}

/// Keeps what is written.
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Sink for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

pub(crate) fn encoded(value: &dyn Encode) -> Vec<u8> {
    let mut bytes = Bytes(Vec::new());
    value.encode(&mut bytes);
    bytes.0
}

/// The raw bytes of a signed call, or of a creation.
pub(crate) fn signed_call(
    key: &SecretKey<Secp256k1>,
    nonce: u64,
    to: Option<coracle_devnet::Address>,
    data: &dyn Encode,
) -> Vec<u8> {
    let tx = Transaction::Eip1559(TxEip1559 {
        chain_id: PROFILE.chain_id.id(),
        nonce,
        max_priority_fee_per_gas: Wei::from_gwei(10),
        max_fee_per_gas: Wei::from_gwei(50),
        gas_limit: 500_000_u64.into(),
        to: to.map(|to| coracle::core::Address(to.into_array())),
        value: Wei::ZERO,
        data: CallData::Encoder(data),
        access_list: AccessList::EMPTY,
    });
    let signature = key.sign(&tx);
    encoded(&tx.into_signed(signature).expect("a signature that fits"))
}
