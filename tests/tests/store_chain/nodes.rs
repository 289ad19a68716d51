//! What the chain and its nodes do while the device is off.

use coracle_client::eth::{ClientError, Phase, Progress};
use coracle_net::host::block_on;
use coracle_tests::{Anvil, Ask, Proxy, Reply, account, entry};
use serde_json::json;

use super::board::{
    Board, forget, fund, has, known, mined, moved, phase, put, send, settle, submit, submit_all,
};

#[test]
fn a_reorganisation_during_a_reset_is_noticed_and_the_same_bytes_are_sent_again() {
    let anvil = Anvil::start();
    let board = Board::new(&anvil, "unmoored");
    anvil.mine(3);
    let hash = board.boot(|device| send(device, 0));
    anvil.rpc("anvil_reorg", json!([2, []]));
    assert_eq!((mined(&anvil, "unmoored"), moved(&anvil, 0)), (0, 0));
    board.boot(|device| {
        assert_eq!(block_on(device.reconcile()), Ok(1));
        assert_eq!(phase(device, 0), Phase::Sent);
        anvil.mine(3);
        let settled = settle(device, 0);
        assert!(matches!(settled, Progress::Final(at) if at.hash == hash));
    });
    assert_eq!((mined(&anvil, "unmoored"), moved(&anvil, 0)), (1, 1));
    assert_eq!(board.signatures(), 1);
}

#[test]
fn a_transaction_that_the_node_dropped_is_sent_again_after_a_reset() {
    let anvil = Anvil::start();
    let board = Board::new(&anvil, "dropped");
    anvil.set_automine(false);
    let hash = board.boot(|device| submit(device, 0));
    forget(&anvil, hash);
    board.boot(|device| {
        assert_eq!(block_on(device.reconcile()), Ok(1));
        assert!(has(&anvil, hash), "the same bytes");
        anvil.mine(1);
        assert!(matches!(settle(device, 0), Progress::Included(at) if at.hash == hash));
    });
    assert_eq!((mined(&anvil, "dropped"), moved(&anvil, 0)), (1, 1));
    assert_eq!(board.signatures(), 1);
}

#[test]
fn what_was_mined_during_a_reset_is_settled() {
    let anvil = Anvil::start();
    let board = Board::new(&anvil, "asleep");
    anvil.set_automine(false);
    board.boot(|device| submit_all(device, 0..3));
    anvil.mine(3);
    board.boot(|device| {
        assert_eq!(block_on(device.reconcile()), Ok(0));
        (0..3).for_each(|sequence| assert_eq!(phase(device, sequence), Phase::Final));
    });
    assert_eq!(board.signatures(), 3);
}

#[test]
fn reconciling_is_one_request_and_one_for_each_entry_that_waits() {
    let anvil = Anvil::start();
    let mut board = Board::new(&anvil, "frugal");
    anvil.set_automine(false);
    board.boot(|device| {
        submit_all(device, 0..3);
        put(device, 3);
    });
    let proxy = Proxy::honest(anvil.url());
    board.set_nodes(&[proxy.url()], 1);
    board.boot(|device| assert_eq!(block_on(device.reconcile()), Ok(4)));
    let expected = [
        "eth_chainId",
        "eth_getTransactionCount",
        "eth_getTransactionByHash",
        "eth_getTransactionByHash",
        "eth_getTransactionByHash",
    ];
    assert_eq!(proxy.take_counts().methods, expected);
}

/// Has no receipts; with `knows_none`, no transactions either.
fn forgetful(knows_none: bool) -> impl FnMut(&Ask) -> Reply + Send {
    move |ask| match ask.method() {
        "eth_getTransactionReceipt" => ask.result(json!(null)),
        "eth_getTransactionByHash" if knows_none => ask.result(json!(null)),
        _ => ask.honest(),
    }
}

#[test]
fn a_node_that_forgets_a_receipt_undoes_nothing() {
    let anvil = Anvil::start();
    let mut board = Board::new(&anvil, "forgotten");
    let hash = board.boot(|device| send(device, 0));
    let proxy = Proxy::start(anvil.url(), forgetful(true));
    board.set_nodes(&[proxy.url()], 1);
    board.boot(|device| {
        assert_eq!(block_on(device.reconcile()), Ok(1));
        assert_eq!(phase(device, 0), Phase::Included);
        assert!(matches!(settle(device, 0), Progress::Included(at) if at.hash == hash));
        // Nothing was handed in again, and the next nonce is the next one.
        assert_eq!(proxy.count("eth_sendRawTransaction"), 0);
        put(device, 1);
        block_on(device.submit(entry(1))).unwrap();
        assert_eq!(known(device, 1).nonce, Some(1));
    });
}

#[test]
fn a_node_that_knows_nothing_of_a_transaction_raises_no_alarm_while_another_does() {
    let anvil = Anvil::start();
    let mut board = Board::new(&anvil, "vouched");
    anvil.set_automine(false);
    let hash = board.boot(|device| submit(device, 0));
    anvil.mine(1);
    let proxy = Proxy::start(anvil.url(), forgetful(true));
    board.set_nodes(&[proxy.url(), anvil.url()], 1);
    board.boot(|device| {
        assert_eq!(block_on(device.reconcile()), Ok(1));
        assert!(!device.is_alarmed());
        assert_eq!(phase(device, 0), Phase::Sent);
        put(device, 1);
        block_on(device.submit(entry(1))).unwrap();
    });
    anvil.mine(1);
    board.set_nodes(&[anvil.url()], 1);
    board.boot(|device| {
        assert!(matches!(settle(device, 0), Progress::Included(at) if at.hash == hash));
    });
    assert_eq!(mined(&anvil, "vouched"), 2);
    assert_eq!((moved(&anvil, 0), moved(&anvil, 1)), (1, 1));
    assert_eq!(board.signatures(), 2);
}

#[test]
fn a_node_that_is_behind_raises_no_alarm_and_makes_no_second_transaction() {
    let anvil = Anvil::start();
    let mut board = Board::new(&anvil, "ahead");
    anvil.mine(5);
    let first = board.boot(|device| {
        let first = send(device, 0);
        submit(device, 1);
        first
    });
    // The same chain's id, and nothing of what happened.
    let behind = Anvil::start();
    fund(&behind, account("ahead"));
    behind.set_automine(false);
    board.set_nodes(&[behind.url()], 1);
    board.boot(|device| {
        assert_eq!(block_on(device.reconcile()), Ok(2));
        assert_eq!(
            phase(device, 0),
            Phase::Included,
            "its block is to come there"
        );
        assert!(matches!(settle(device, 0), Progress::Included(at) if at.hash == first));
        assert_eq!(phase(device, 1), Phase::Sent);
        put(device, 2);
        block_on(device.submit(entry(2))).unwrap();
        assert_eq!(known(device, 2).nonce, Some(2), "by the journal");
    });
    board.set_nodes(&[anvil.url()], 1);
    board.boot(|device| {
        block_on(device.reconcile()).unwrap();
        settle(device, 2);
        anvil.mine(2);
        (0..3).for_each(|sequence| assert!(matches!(settle(device, sequence), Progress::Final(_))));
    });
    assert_eq!(mined(&anvil, "ahead"), 3);
    (0..3).for_each(|sequence| assert_eq!(moved(&anvil, sequence), 1));
    assert_eq!(board.signatures(), 3);
}

#[test]
fn an_entry_that_no_node_takes_keeps_no_other_waiting() {
    let anvil = Anvil::start();
    let board = Board::new(&anvil, "broke");
    anvil.set_automine(false);
    let [first, second] = board.boot(|device| [submit(device, 0), submit(device, 1)]);
    // The account is emptied, and the node forgets both.
    forget(&anvil, second);
    forget(&anvil, first);
    let broke = account("broke");
    anvil.rpc("anvil_setBalance", json!([broke.to_string(), "0x0"]));
    board.boot(|device| {
        assert_eq!(block_on(device.reconcile()), Ok(2));
        assert!(!device.is_alarmed());
        assert!(!has(&anvil, first) && !has(&anvil, second));
    });
    fund(&anvil, broke);
    board.boot(|device| {
        assert_eq!(block_on(device.reconcile()), Ok(2));
        assert!(has(&anvil, first) && has(&anvil, second));
    });
    anvil.mine(1);
    assert_eq!(mined(&anvil, "broke"), 2);
    assert_eq!(board.signatures(), 2);
}

#[test]
fn without_a_node_nothing_changes() {
    let anvil = Anvil::start();
    let mut board = Board::new(&anvil, "alone");
    anvil.set_automine(false);
    board.boot(|device| submit(device, 0));
    let proxy = Proxy::start(anvil.url(), |_| Reply::Raw(Vec::new()));
    board.set_nodes(&[proxy.url()], 1);
    board.boot(|device| {
        let error = block_on(device.reconcile()).unwrap_err();
        assert!(matches!(error, ClientError::Node(_)), "{error:?}");
        assert!(!device.is_alarmed());
        assert_eq!(phase(device, 0), Phase::Sent);
    });
}
