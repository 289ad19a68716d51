//! Chains and nodes that lose, move and mix up what they are given.
#![cfg(feature = "host")]

mod support;

use coracle::core::Encode;
use coracle::core::ecdsa::{Secp256k1, SecretKey};
use coracle::eth::abi::{Call, Signature, Value};
use coracle_devnet::{Address, Config, Devnet, Mined, Mining, Orphans};
use meter::contract::{APPEND, device_topic};
use meter::host::{Failure, Node, Options, run_on};
use support::{Hook, PROFILE, audit, options, signed_call, temporary};

/// One run of a meter on a chain that a test controls.
struct Run {
    options: Options,
    node: Option<Node>,
    devnet: Devnet,
    sender: Address,
    text: Vec<u8>,
}

impl Run {
    fn new(name: &str, readings: &str, mining: Mining) -> Self {
        let bundle = temporary(&format!("network-{name}.cbor"));
        let bundle = bundle.to_str().expect("plain text");
        let config = Config {
            mining,
            ..Config::local()
        };
        let node = Node::embedded(PROFILE, config).expect("a chain");
        let address = coracle::core::Address::from_public_key(node.key.public_key());
        Self {
            options: options(&["--readings", readings, "--bundle", bundle]),
            devnet: node.devnet().expect("an embedded chain"),
            node: Some(node),
            sender: Address::from(address.0),
            text: Vec::new(),
        }
    }

    fn key(&self) -> SecretKey<Secp256k1> {
        let node = self.node.as_ref().expect("not run yet");
        SecretKey::from_bytes(&node.key.dangerous_to_bytes()).expect("the same key")
    }

    fn start(&mut self, wait: impl FnMut()) -> Result<(), Failure> {
        let node = self.node.take().expect("run once");
        run_on(node, Hook(wait), &self.options, &mut self.text)
    }

    fn text(&self) -> &str {
        str::from_utf8(&self.text).expect("text")
    }

    /// The contract and each reading were mined once, and the bundle is whole.
    fn shows_each_reading_once(&self, readings: u64) {
        let mined = self.devnet.mined_from(self.sender);
        let nonces: Vec<_> = mined.iter().map(|tx| tx.transaction.nonce).collect();
        assert_eq!(nonces, Vec::from_iter(0..=readings), "{}", self.text());
        assert!(mined.iter().all(|tx: &Mined| tx.receipt.succeeded));
        let summary = audit(&self.options.bundle);
        assert!(summary.is_complete());
        assert_eq!(summary.intact, readings);
    }
}

/// Whether the contract is there and all of `count` readings wait.
fn waits(devnet: &Devnet, count: usize) -> bool {
    let pool = devnet.pool();
    pool.len() == count && pool.iter().all(|tx| tx.to.is_some())
}

#[test]
fn a_transaction_that_the_node_drops_is_handed_in_again() {
    let mut run = Run::new("drop", "3", Mining::Manual);
    let devnet = run.devnet.clone();
    let mut was_dropped = false;
    let outcome = run.start(|| {
        if !was_dropped && waits(&devnet, 3) {
            let pool = devnet.pool();
            let first = pool.iter().min_by_key(|tx| tx.nonce).expect("three");
            was_dropped = devnet.drop_transaction(first.hash);
        } else {
            devnet.mine();
        }
    });
    outcome.expect("a proven result");
    assert!(was_dropped);
    assert!(run.text().contains(" sent again)"), "{}", run.text());
    run.shows_each_reading_once(3);
}

#[test]
fn a_reading_that_a_reorganisation_lost_is_handed_in_again() {
    let mut run = Run::new("lost", "1", Mining::Automatic);
    let devnet = run.devnet.clone();
    let mut has_lost = false;
    let outcome = run.start(|| {
        if !has_lost {
            has_lost = devnet.reorg(1, Orphans::Forget) == 1;
        } else {
            devnet.mine();
        }
    });
    outcome.expect("a proven result");
    assert!(run.text().contains("vanished"), "{}", run.text());
    run.shows_each_reading_once(1);
}

#[test]
fn a_reading_that_a_reorganisation_moved_is_followed() {
    let mut run = Run::new("moved", "1", Mining::Automatic);
    let devnet = run.devnet.clone();
    let mut waits = 0;
    let outcome = run.start(|| {
        waits += 1;
        // By then the contract is final in block 1 and the reading waits in block 2.
        if waits == 4 {
            assert_eq!(devnet.height(), 5);
            assert_eq!(devnet.reorg(4, Orphans::ToPool), 4);
        }
        devnet.mine();
    });
    outcome.expect("a proven result");
    assert!(run.text().contains("  moved "), "{}", run.text());
    assert!(!run.text().contains("sent again"), "{}", run.text());
    run.shows_each_reading_once(1);
}

/// A transaction of the same account that the meter knows nothing of.
fn foreign(run: &Run, nonce: u64, to: Address, data: &dyn Encode) -> impl Fn() + use<> {
    let raw = signed_call(&run.key(), nonce, Some(to), data);
    let devnet = run.devnet.clone();
    move || {
        devnet.send_raw(&raw).expect("taken");
    }
}

#[test]
fn a_nonce_that_another_user_of_the_key_took_is_an_error() {
    let mut run = Run::new("taken", "1", Mining::Manual);
    let devnet = run.devnet.clone();
    let steal = foreign(&run, 1, Address::repeat_byte(9), &[].as_slice());
    let mut was_stolen = false;
    let outcome = run.start(|| {
        if !was_stolen && waits(&devnet, 1) {
            devnet.drop_transaction(devnet.pool()[0].hash);
            steal();
            was_stolen = true;
        }
        devnet.mine();
    });
    let error = outcome.expect_err("the reading is not on the chain");
    assert_eq!(
        error.to_string(),
        "nonce 1 was taken by another transaction"
    );
}

#[test]
fn a_record_that_the_meter_did_not_make_is_noticed() {
    let mut run = Run::new("stray", "2", Mining::Manual);
    let devnet = run.devnet.clone();
    let device = device_topic(&run.options.device);
    let values = [
        Value::FixedBytes(device.as_bytes()),
        Value::from(1_u64),
        Value::from(&b"not a record"[..]),
    ];
    let append = Signature::parse(APPEND).expect("a signature");
    let append = Call::new(append, &values).expect("its values");
    let contract = run.sender.create(0);
    let stray = foreign(&run, 3, contract, &append);
    let mut has_strayed = false;
    let outcome = run.start(|| {
        if !has_strayed && waits(&devnet, 2) {
            stray();
            has_strayed = true;
        }
        devnet.mine();
    });
    let error = outcome.expect_err("three records on the chain");
    let error = error.to_string();
    assert!(error.contains("holds 3 records"), "{error}");
    assert!(error.contains("meter made 2"), "{error}");
}
