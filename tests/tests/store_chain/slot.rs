//! The key in a slot of the same store, with a policy.

use coracle_client::eth::{ClientError, Intent, Milestone, Outbox, Phase, Progress};
use coracle_core::ecdsa::Secp256k1;
use coracle_core::{Address, U256};
use coracle_net::host::block_on;
use coracle_store::{
    Allowed, InsecureReadableSecret, KeySlot, Limits, NoCounter, Policy, Refusal, SlotError,
    Target, TxPolicy,
};
use coracle_testkit::SeededRng;
use coracle_tests::{Anvil, entry, limits};
use serde_json::json;

use super::board::{Board, Chip, Device, fund, recipient, transfer, transfer_of};

type Secret = InsecureReadableSecret<'static>;
type Slot<'s, 'm> = KeySlot<'s, 'm, Chip, NoCounter, Secp256k1, Secret, SeededRng>;

const SECRET: Secret = InsecureReadableSecret::new(&[0xd1; 32]);

/// May move a wei to two recipients for a fee that leaves room for no more than the limits
/// of the client, and cancel.
fn policy() -> Policy {
    let targets = [0, 2].map(|sequence| Target::from(recipient(sequence)));
    Policy::transactions(TxPolicy {
        chains: Allowed::only([Anvil::CHAIN_ID]),
        targets: Allowed::only(targets),
        creates_contracts: false,
        cancels: true,
        each: Limits {
            value: U256::ONE,
            fee: limits().max_fee.0,
        },
        daily: None,
    })
}

/// Starts a device whose key is in slot 0.
fn boot<T>(board: &Board, run: impl FnOnce(&mut Device<'_, '_, Slot<'_, '_>>) -> T) -> T {
    board.with_store(|store| {
        let slot = block_on(store.open_slot(0, SECRET, SeededRng::new(5))).unwrap();
        board.with_signer(store, slot, run)
    })
}

fn submit(
    device: &mut Device<'_, '_, Slot<'_, '_>>,
    sequence: u64,
    intent: &Intent<'_>,
) -> Option<Refusal> {
    block_on(device.put(entry(sequence), intent)).unwrap();
    match block_on(device.submit(entry(sequence))) {
        Ok(_) => None,
        Err(ClientError::Signer(SlotError::Refused(refusal))) => Some(refusal),
        Err(error) => panic!("{error:?}"),
    }
}

#[test]
fn what_the_slot_refuses_is_cancelled_and_keeps_nothing_waiting() {
    let anvil = Anvil::start();
    let board = Board::new(&anvil, "unused");
    let public = board.with_store(|store| {
        let mut rng = SeededRng::new(4);
        block_on(store.create_slot::<Secp256k1>(0, &policy(), &mut { SECRET }, &mut rng)).unwrap()
    });
    let address = Address::from_public_key(&public);
    fund(&anvil, address);
    boot(&board, |device| {
        assert_eq!(device.address(), address);
        assert_eq!(submit(device, 0, &transfer(0)), None);
        assert_eq!(submit(device, 1, &transfer(1)), Some(Refusal::Target));
        assert_eq!(submit(device, 2, &transfer_of(2, 2)), Some(Refusal::Value));
        assert_eq!(submit(device, 3, &transfer(0)), None, "it waits");
        // As often as it is tried.
        assert_eq!(submit(device, 1, &transfer(1)), Some(Refusal::Target));
        let known = block_on(device.outbox().entry(entry(1))).unwrap().unwrap();
        assert_eq!((known.phase, known.nonce), (Phase::Reserved, Some(1)));
    });
    boot(&board, |device| {
        assert_eq!(block_on(device.reconcile()), Ok(4));
        for sequence in [1, 2] {
            block_on(device.cancel(entry(sequence))).unwrap();
        }
        let milestone = Milestone::Included;
        for sequence in 0..4 {
            let settled = block_on(device.wait(entry(sequence), milestone)).unwrap();
            match sequence {
                1 | 2 => assert!(
                    matches!(settled, Progress::Cancelled(_) | Progress::GivenUp(_)),
                    "{settled:?}"
                ),
                _ => assert!(settled.milestone() >= milestone, "{settled:?}"),
            }
        }
    });
    let params = json!([address.to_string(), "latest"]);
    assert_eq!(anvil.rpc("eth_getTransactionCount", params), "0x4");
    let params = json!([recipient(0).to_string(), "latest"]);
    assert_eq!(anvil.rpc("eth_getBalance", params), "0x2");
}
