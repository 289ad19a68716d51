//! Somebody else signs with our key: a stranger, a copy of the flash, an earlier state.

use coracle_client::eth::{ClientError, FailReason, Phase, Progress};
use coracle_net::host::block_on;
use coracle_tests::{Anvil, Ask, Proxy, account, entry};
use serde_json::json;

use super::board::{
    Board, Device, forget, known, mined, moved, phase, put, send, send_all, settle, submit,
    transfer_of,
};

/// Submits an entry that moves so many wei.
fn submit_of(device: &mut Device<'_, '_>, sequence: u64, wei: u64) {
    let intent = transfer_of(sequence, wei);
    block_on(device.put(entry(sequence), &intent)).unwrap();
    block_on(device.submit(entry(sequence))).unwrap();
}

#[test]
fn a_strangers_transaction_under_our_nonce_is_an_alarm_until_the_owner_decides() {
    let anvil = Anvil::start();
    let board = Board::new(&anvil, "leaked");
    anvil.set_automine(false);
    let hash = board.boot(|device| submit(device, 0));
    forget(&anvil, hash);
    // Somebody who has the key and nothing else.
    let thief = Board::new(&anvil, "leaked");
    thief.boot(|device| submit_of(device, 40, 5));
    anvil.mine(1);
    let alarm = ClientError::NonceTaken { nonce: 0 };
    for _ in 0..2 {
        // After another reset as well: it does not wear off.
        board.boot(|device| {
            assert_eq!(block_on(device.reconcile()), Err(alarm));
            assert!(device.is_alarmed());
            put(device, 1);
            assert_eq!(block_on(device.submit(entry(1))), Err(alarm));
            assert_eq!(block_on(device.cancel(entry(0))).map(drop), Err(alarm));
            assert_eq!(known(device, 1).nonce, None, "nothing is set aside");
        });
    }
    assert_eq!(board.signatures(), 1, "nothing is signed");
    board.boot(|device| {
        block_on(device.reconcile()).unwrap_err();
        block_on(device.adopt_nonce(0)).unwrap();
        assert_eq!(phase(device, 0), Phase::Failed(FailReason::NonceTaken));
        assert_eq!(block_on(device.reconcile()), Ok(1));
        block_on(device.submit(entry(1))).unwrap();
        anvil.mine(1);
        assert!(matches!(settle(device, 1), Progress::Included(_)));
    });
    assert_eq!(mined(&anvil, "leaked"), 2);
    assert_eq!((moved(&anvil, 0), moved(&anvil, 1)), (0, 1));
}

#[test]
fn an_alarm_ends_where_there_is_nothing_wrong_after_all() {
    let anvil = Anvil::start();
    let mut board = Board::new(&anvil, "slandered");
    board.boot(|device| submit(device, 0));
    let proxy = Proxy::start(anvil.url(), |ask: &Ask| {
        match ask.is("getTransactionCount") {
            true => ask.result(json!("0x9")),
            false => ask.honest(),
        }
    });
    board.set_nodes(&[proxy.url()], 1);
    board.boot(|device| {
        let alarm = ClientError::JournalBehind {
            journal: 1,
            chain: 9,
        };
        assert_eq!(block_on(device.reconcile()), Err(alarm));
        put(device, 1);
        assert_eq!(block_on(device.submit(entry(1))), Err(alarm));
        proxy.stop_lying();
        assert_eq!(block_on(device.reconcile()), Ok(2));
        block_on(device.submit(entry(1))).unwrap();
        assert_eq!(known(device, 1).nonce, Some(1));
    });
}

#[test]
fn one_node_of_two_raises_no_alarm_alone() {
    let anvil = Anvil::start();
    let mut board = Board::new(&anvil, "defended");
    board.boot(|device| submit(device, 0));
    let proxy = Proxy::start(anvil.url(), |ask: &Ask| {
        match ask.is("getTransactionCount") {
            true => ask.result(json!("0x9")),
            false => ask.honest(),
        }
    });
    for quorum in [1, 2] {
        board.set_nodes(&[proxy.url(), anvil.url()], quorum);
        board.boot(|device| {
            assert_eq!(block_on(device.reconcile()), Ok(1));
            assert!(!device.is_alarmed());
        });
    }
}

#[test]
fn a_stranger_that_another_node_does_not_know_of_is_no_alarm() {
    let anvil = Anvil::start();
    let mut board = Board::new(&anvil, "defamed");
    anvil.set_automine(false);
    let hash = board.boot(|device| {
        submit(device, 0);
        block_on(device.bump(entry(0))).unwrap()
    });
    // The honest node lost it, and does not take it again as long as the account is empty.
    forget(&anvil, hash);
    let params = json!([account("defamed").to_string(), "0x0"]);
    anvil.rpc("anvil_setBalance", params);
    let liar = Proxy::start(anvil.url(), |ask: &Ask| match ask.method() {
        "eth_sendRawTransaction" => ask.error(-32000, "nonce too low"),
        "eth_getTransactionByHash" => ask.result(json!(null)),
        "eth_getTransactionCount" => ask.result(json!("0x1")),
        _ => ask.honest(),
    });
    for nodes in [[liar.url(), anvil.url()], [anvil.url(), liar.url()]] {
        board.set_nodes(&nodes, 1);
        board.boot(|device| {
            let error = block_on(device.submit(entry(0))).unwrap_err();
            assert_eq!(error, ClientError::InsufficientFunds);
            assert!(!device.is_alarmed());
        });
    }
}

#[test]
fn an_alarm_takes_as_many_nodes_as_finality_does() {
    let anvil = Anvil::start();
    let mut board = Board::new(&anvil, "agreed");
    board.boot(|device| send(device, 0));
    let image = board.image();
    board.boot(|device| send(device, 1));
    board.flash().borrow_mut().load(&image);
    let silent = Proxy::start(anvil.url(), |ask: &Ask| ask.error(-32005, "limit exceeded"));
    board.set_nodes(&[anvil.url(), silent.url()], 2);
    board.boot(|device| {
        block_on(device.reconcile()).unwrap();
        assert!(!device.is_alarmed(), "one node's word");
    });
    silent.stop_lying();
    board.boot(|device| {
        let alarm = ClientError::JournalBehind {
            journal: 1,
            chain: 2,
        };
        assert_eq!(block_on(device.reconcile()), Err(alarm));
    });
}

#[test]
fn rolled_back_flash_is_an_alarm_and_nothing_is_signed() {
    let anvil = Anvil::start();
    let board = Board::new(&anvil, "rolled");
    board.boot(|device| send(device, 0));
    let image = board.image();
    board.boot(|device| send_all(device, 1..4));
    board.flash().borrow_mut().load(&image);
    let before = board.signatures();
    let alarm = ClientError::JournalBehind {
        journal: 1,
        chain: 4,
    };
    board.boot(|device| {
        assert_eq!(block_on(device.reconcile()), Err(alarm));
        put(device, 1);
        assert_eq!(block_on(device.submit(entry(1))), Err(alarm));
        assert_eq!(known(device, 1).nonce, None);
    });
    assert_eq!(board.signatures(), before);
    assert_eq!(mined(&anvil, "rolled"), 4);
    // The owner looked at the chain: entries 1 to 3 are there.
    board.boot(|device| {
        block_on(device.reconcile()).unwrap_err();
        block_on(device.cancel(entry(1))).unwrap();
        block_on(device.adopt_nonce(4)).unwrap();
        block_on(device.reconcile()).unwrap();
        send(device, 4);
        assert_eq!(known(device, 4).nonce, Some(4));
    });
    assert_eq!(mined(&anvil, "rolled"), 5);
    (0..5).for_each(|sequence| assert_eq!(moved(&anvil, sequence), 1));
}

#[test]
fn rolled_back_flash_replaces_nothing_that_still_waits() {
    let anvil = Anvil::start();
    let board = Board::new(&anvil, "waiting");
    board.boot(|device| send(device, 0));
    let image = board.image();
    anvil.set_automine(false);
    board.boot(|device| submit(device, 1));
    board.flash().borrow_mut().load(&image);
    board.boot(|device| {
        let alarm = ClientError::JournalBehind {
            journal: 1,
            chain: 2,
        };
        assert_eq!(block_on(device.reconcile()), Err(alarm));
    });
    anvil.mine(1);
    assert_eq!(moved(&anvil, 1), 1);
}

#[test]
fn rolled_back_flash_is_noticed_at_a_submit_that_was_not_reconciled() {
    let anvil = Anvil::start();
    let board = Board::new(&anvil, "careless");
    board.boot(|device| send(device, 0));
    let image = board.image();
    board.boot(|device| send(device, 1));
    board.flash().borrow_mut().load(&image);
    board.boot(|device| {
        // Not what it was in the earlier life.
        block_on(device.put(entry(1), &transfer_of(1, 7))).unwrap();
        let alarm = ClientError::NonceTaken { nonce: 1 };
        assert_eq!(block_on(device.submit(entry(1))), Err(alarm));
        put(device, 2);
        assert_eq!(block_on(device.submit(entry(2))), Err(alarm));
        assert_eq!(known(device, 2).nonce, None);
    });
    assert_eq!(mined(&anvil, "careless"), 2);
    assert_eq!(moved(&anvil, 1), 1);
}

#[test]
fn flash_that_lost_a_reserved_nonce_to_an_earlier_life_is_an_alarm() {
    let anvil = Anvil::start();
    let board = Board::new(&anvil, "reserved");
    board.boot(|device| send(device, 0));
    // Reserved, and not signed yet.
    board.boot(|device| {
        let intent = transfer_of(1, super::board::Picky::REFUSED);
        block_on(device.put(entry(1), &intent)).unwrap();
        block_on(device.submit(entry(1))).unwrap_err();
        assert_eq!(phase(device, 1), Phase::Reserved);
    });
    let image = board.image();
    board.boot(|device| {
        block_on(device.cancel(entry(1))).unwrap();
        settle(device, 1);
        assert_eq!(mined(&anvil, "reserved"), 2);
    });
    board.flash().borrow_mut().load(&image);
    board.boot(|device| {
        let alarm = ClientError::NonceTaken { nonce: 1 };
        assert_eq!(block_on(device.reconcile()), Err(alarm));
    });
}

#[test]
fn of_two_boards_with_one_flash_the_second_is_alarmed() {
    let anvil = Anvil::start();
    let board = Board::new(&anvil, "twin");
    board.boot(|device| send(device, 0));
    let copy = board.copy();
    board.boot(|one| {
        copy.boot(|other| {
            block_on(one.reconcile()).unwrap();
            block_on(other.reconcile()).unwrap();
            // Each reports what it measured.
            submit_of(one, 1, 2);
            settle(one, 1);
            block_on(other.put(entry(1), &transfer_of(1, 3))).unwrap();
            let alarm = ClientError::NonceTaken { nonce: 1 };
            assert_eq!(block_on(other.submit(entry(1))), Err(alarm));
            put(other, 2);
            assert_eq!(block_on(other.submit(entry(2))), Err(alarm));
            // The first goes on.
            send(one, 2);
        });
    });
    assert_eq!(mined(&anvil, "twin"), 3);
    assert_eq!(moved(&anvil, 1), 2);
    copy.boot(|other| {
        block_on(other.reconcile()).unwrap_err();
        assert!(other.is_alarmed());
    });
}
