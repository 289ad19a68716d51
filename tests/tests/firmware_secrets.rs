//! What a device's memory and flash show of its secrets while it is at work.
//!
//! The firmware's random bytes come from a file, so the key is known here; the nonce of
//! each signature follows from the key and the signature.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use alloy_consensus::TxEnvelope;
use alloy_consensus::transaction::SignableTransaction as _;
use alloy_eips::eip2718::Decodable2718 as _;
use coracle_core::ecdsa::{Secp256k1, SecretKey};
use coracle_core::{Address, hex};
use coracle_tests::firmware::{Board, Chain, Dialect, Line, Qmp, Scenario};
use k256::elliptic_curve::PrimeField as _;
use k256::{FieldBytes, Scalar};
use serde_json::json;

mod firmware;

use firmware::mined::transactions;

/// The RAM of the board: see `boards/qemu/README.md`.
const RAM: (u64, usize) = (0x2000_0000, 256 * 1024);

/// Bytes of a secret in a row that count as a copy of it.
const PIECE: usize = 8;

const READINGS: u32 = 3;

#[test]
fn no_key_and_no_nonce_stays_in_memory_or_flash() {
    let run = Run::new();
    let chain = Chain::anvil().unwrap();
    let mut dumps = Vec::new();
    let mut qmp = None;
    let report = run.scenario().run(&chain, |line| {
        if is_after_signatures(line) {
            let qmp = qmp.get_or_insert_with(|| Qmp::connect(&run.file("qmp")).unwrap());
            dumps.push(qmp.memory(RAM.0, RAM.1).unwrap());
        }
    });
    let report = report.unwrap();
    assert!(report.is_success(), "{}", report.log());
    assert_eq!(dumps.len(), READINGS as usize);
    let flash = fs::read(run.file("flash")).unwrap();

    let account = report.account.unwrap();
    let key = run.key_of(&account);
    let sent = signatures(&chain, &account);
    assert_eq!(sent.len(), READINGS as usize);
    // What is no secret is found: the scan works.
    let public: Vec<_> = sent.iter().map(|sent| ("signature", sent.r)).collect();
    assert!(dumps.iter().any(|dump| !copies(dump, &public).is_empty()));
    assert!(!copies(&flash, &public).is_empty());

    let mut secrets = vec![("key", key), ("device secret", run.secret())];
    for sent in &sent {
        let nonce = sent.nonce(&key);
        secrets.push(("nonce", nonce.to_repr().into()));
        // Of a signature that was brought to low s.
        secrets.push(("nonce, negative", (-nonce).to_repr().into()));
    }
    for dump in dumps.iter().chain([&flash]) {
        assert_eq!(copies(dump, &secrets), Vec::<String>::new());
    }
}

/// Record and transaction were signed just before, and the next record is not due yet.
fn is_after_signatures(line: &Line) -> bool {
    line.message.contains(": Sent")
}

/// The files of one device.
struct Run {
    dir: tempfile::TempDir,
    random: Vec<u8>,
}

impl Run {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut random = vec![0; 64 * 1024];
        getrandom::fill(&mut random).unwrap();
        fs::write(dir.path().join("random"), &random).unwrap();
        Self { dir, random }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn scenario(&self) -> Scenario {
        let mut scenario = Scenario::meter(Board::Mps2An386, Dialect::Quectel, READINGS);
        scenario.flash = Some(self.file("flash"));
        scenario.random = Some(self.file("random"));
        scenario.qmp = Some(self.file("qmp"));
        scenario.with("interval-ms", 2000)
    }

    /// The key of an account, which was made of the random bytes as they came.
    fn key_of(&self, account: &str) -> [u8; 32] {
        let is_it = |bytes: &&[u8]| {
            let scalar = bytes.first_chunk().unwrap();
            let key = SecretKey::<Secp256k1>::from_bytes(scalar);
            key.is_ok_and(|key| Address::from_public_key(key.public_key()).to_string() == account)
        };
        let key = self.random.windows(32).take(8 * 1024).find(is_it);
        *key.expect("a key of these bytes").first_chunk().unwrap()
    }

    fn secret(&self) -> [u8; 32] {
        read(&self.file("flash.secret"))
    }
}

fn read(path: &Path) -> [u8; 32] {
    fs::read(path).unwrap().try_into().unwrap()
}

/// The signature of a transaction.
struct Sent {
    prehash: [u8; 32],
    r: [u8; 32],
    s: [u8; 32],
}

impl Sent {
    /// `k = (z + r d) / s`, or its negative.
    fn nonce(&self, key: &[u8; 32]) -> Scalar {
        let scalar = |bytes: &[u8; 32]| {
            let scalar = Scalar::from_repr(FieldBytes::from(*bytes));
            Option::<Scalar>::from(scalar).expect("below the order")
        };
        // The digest is below the order but for one in 2^128.
        let sum = scalar(&self.prehash) + scalar(&self.r) * scalar(key);
        sum * scalar(&self.s).invert().expect("not zero")
    }
}

/// The signatures of the transactions that the account sent, from the chain.
fn signatures(chain: &Chain, account: &str) -> Vec<Sent> {
    let sent = transactions(chain, account);
    let raw = sent.iter().map(|transaction| {
        let params = json!([transaction["hash"]]);
        chain.rpc("eth_getRawTransactionByHash", &params).unwrap()
    });
    raw.map(|raw| signature(&raw)).collect()
}

fn signature(raw: &serde_json::Value) -> Sent {
    let text = raw.as_str().unwrap();
    let mut bytes = vec![0; text.len() / 2];
    let len = hex::decode_into(text, &mut bytes).unwrap();
    bytes.truncate(len);
    let TxEnvelope::Eip1559(signed) = TxEnvelope::decode_2718_exact(&bytes).unwrap() else {
        panic!("another transaction: {text}");
    };
    Sent {
        prehash: signed.tx().signature_hash().0,
        r: signed.signature().r().to_be_bytes(),
        s: signed.signature().s().to_be_bytes(),
    }
}

/// Which secrets have a piece in these bytes, and in what form.
fn copies(memory: &[u8], secrets: &[(&str, [u8; 32])]) -> Vec<String> {
    let pieces: HashSet<_> = memory.windows(PIECE).collect();
    let mut found = Vec::new();
    for (name, secret) in secrets {
        for (form, bytes) in forms(secret) {
            if bytes.windows(PIECE).any(|piece| pieces.contains(piece)) {
                found.push(format!("{name} as {form}"));
            }
        }
    }
    found
}

/// How a number of 32 bytes may stand in memory.
fn forms(secret: &[u8; 32]) -> [(&'static str, [u8; 32]); 4] {
    let words: [[u8; 4]; 8] = *secret.as_chunks().0.as_array().unwrap();
    let flat = |words: [[u8; 4]; 8]| *words.as_flattened().as_array().unwrap();
    let mut reversed = *secret;
    reversed.reverse();
    let mut word_order = words;
    word_order.reverse();
    let swapped = words.map(|[a, b, c, d]| [d, c, b, a]);
    [
        ("bytes", *secret),
        ("reversed bytes", reversed),
        ("reversed words", flat(word_order)),
        ("words of reversed bytes", flat(swapped)),
    ]
}
