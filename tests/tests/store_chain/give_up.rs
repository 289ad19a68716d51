//! Entries that are not wanted any more, and the nonces that they hold.

use coracle_client::eth::{
    ClientError, FailReason, GivenUp, Intent, Milestone, NodeError, Phase, Progress,
};
use coracle_core::{Address, B256, Error as _, ErrorKind, Wei};
use coracle_eth::tx::{CallData, create_address};
use coracle_net::host::block_on;
use coracle_testkit::Ending;
use coracle_tests::{Anvil, Ask, Probe, Proxy, Reply, account, entry};
use serde_json::json;

use super::board::{
    Board, Device, Picky, forget, fund, has, known, mined, moved, phase, put, put_until, send,
    settle, submit, transfer_of,
};

/// What the signer refuses, with a nonce set aside for it.
fn submit_refused(device: &mut Device<'_, '_>, sequence: u64, expires_s: Option<u64>) {
    let (id, intent) = (entry(sequence), transfer_of(sequence, Picky::REFUSED));
    let record = B256([9; 32]);
    block_on(device.put_record(id, record, expires_s, &intent)).unwrap();
    let error = block_on(device.submit(id)).unwrap_err();
    assert!(matches!(error, ClientError::Signer(_)), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Caller);
    assert_eq!(phase(device, sequence), Phase::Reserved);
}

#[test]
fn later_nonces_do_not_wait_for_an_entry_that_expired_with_one() {
    let anvil = Anvil::start();
    let board = Board::new(&anvil, "expired");
    board.boot(|device| {
        submit_refused(device, 0, Some(100));
        submit(device, 1);
        assert_eq!(mined(&anvil, "expired"), 0, "it waits for a hole");
    });
    board.boot(|device| {
        block_on(device.reconcile()).unwrap();
        assert_eq!(block_on(device.expire(99)), Ok(0));
        assert_eq!(mined(&anvil, "expired"), 0);
        assert_eq!(block_on(device.expire(100)), Ok(1));
        let settled = settle(device, 0);
        assert!(matches!(settled, Progress::Cancelled(_)), "{settled:?}");
        assert_eq!(phase(device, 0), Phase::Included);
        assert!(matches!(settle(device, 1), Progress::Included(_)));
        anvil.mine(2);
        assert_eq!(settle(device, 0), Progress::GivenUp(GivenUp::Expired));
        assert_eq!(phase(device, 0), Phase::Expired);
        assert_eq!(settle(device, 0), Progress::GivenUp(GivenUp::Expired));
        assert_eq!(block_on(device.expire(100)), Ok(0), "once");
    });
    assert_eq!(mined(&anvil, "expired"), 2);
    assert_eq!((moved(&anvil, 0), moved(&anvil, 1)), (0, 1));
    assert_eq!(board.signatures(), 2);
}

#[test]
fn what_is_cancelled_before_it_has_a_nonce_ends_without_a_node() {
    let anvil = Anvil::start();
    let mut board = Board::new(&anvil, "queued");
    let proxy = Proxy::honest(anvil.url());
    board.set_nodes(&[proxy.url()], 1);
    board.boot(|device| {
        put(device, 0);
        put_until(device, 1, 100);
        put_until(device, 2, 101);
        let cancelled = block_on(device.cancel(entry(0)));
        assert_eq!(cancelled, Ok(Progress::GivenUp(GivenUp::Cancelled)));
        assert_eq!(block_on(device.cancel(entry(0))), cancelled, "as often");
        assert_eq!(block_on(device.expire(100)), Ok(1));
        let failed = Phase::Failed(FailReason::Cancelled);
        let phases = [0, 1, 2].map(|sequence| phase(device, sequence));
        assert_eq!(phases, [failed, Phase::Expired, Phase::Queued]);
    });
    assert_eq!(proxy.take_counts().methods.len(), 0);
    board.boot(|device| {
        let error = block_on(device.submit(entry(0))).unwrap_err();
        assert_eq!(error, ClientError::NoSuchEntry, "it ended");
        send(device, 2);
        assert_eq!(known(device, 2).nonce, Some(0), "no nonce was wasted");
    });
    assert_eq!(mined(&anvil, "queued"), 1);
}

#[test]
fn a_waiting_transaction_is_replaced_by_its_cancellation() {
    let anvil = Anvil::start();
    let board = Board::new(&anvil, "waiting");
    anvil.set_automine(false);
    board.boot(|device| {
        let original = submit(device, 0);
        let progress = block_on(device.cancel(entry(0))).unwrap();
        let Progress::Sent { hash } = progress else {
            panic!("{progress:?}")
        };
        assert_ne!(original, hash);
        assert!(!has(&anvil, original), "it was replaced");
        anvil.mine(3);
        let settled = settle(device, 0);
        assert_eq!(settled, Progress::GivenUp(GivenUp::Cancelled));
        assert_eq!(phase(device, 0), Phase::Failed(FailReason::Cancelled));
        let inclusion = known(device, 0).inclusion.unwrap();
        assert_eq!(inclusion.hash, hash);
        assert_eq!(inclusion.gas_used, 21_000);
    });
    assert_eq!((mined(&anvil, "waiting"), moved(&anvil, 0)), (1, 0));
}

#[test]
fn a_transaction_that_makes_it_before_its_cancellation_counts() {
    let anvil = Anvil::start();
    let mut board = Board::new(&anvil, "faster");
    anvil.set_automine(false);
    let original = board.boot(|device| submit(device, 0));
    // The block comes between the question whether it was mined and the cancellation.
    let url = anvil.url().to_owned();
    let proxy = Proxy::start(anvil.url(), move |ask: &Ask| {
        if ask.is("sendRawTransaction") {
            coracle_tests::rpc(&url, "anvil_mine", json!(["0x1"]));
        }
        ask.honest()
    });
    board.set_nodes(&[proxy.url()], 1);
    board.boot(|device| {
        let cancelled = block_on(device.cancel(entry(0)));
        assert_eq!(cancelled, Ok(Progress::Sent { hash: original }));
        assert_eq!(known(device, 0).attempts.len(), 2);
        assert!(matches!(settle(device, 0), Progress::Included(at) if at.hash == original));
        anvil.mine(2);
        assert!(matches!(settle(device, 0), Progress::Final(at) if at.hash == original));
        assert_eq!(phase(device, 0), Phase::Final);
    });
    assert_eq!((mined(&anvil, "faster"), moved(&anvil, 0)), (1, 1));
}

#[test]
fn what_a_block_holds_is_not_cancelled_and_does_not_expire() {
    let anvil = Anvil::start();
    let board = Board::new(&anvil, "late");
    anvil.set_automine(false);
    board.boot(|device| {
        put_until(device, 0, 100);
        block_on(device.submit(entry(0))).unwrap();
        anvil.mine(1);
        // Mined, and nobody looked: no cancellation is signed.
        assert_eq!(block_on(device.expire(200)), Ok(1));
        assert_eq!(phase(device, 0), Phase::Included);
        assert_eq!(board.signatures(), 1);
        let error = block_on(device.cancel(entry(0))).unwrap_err();
        assert_eq!(error, ClientError::NoSuchEntry);
        assert_eq!(block_on(device.expire(300)), Ok(0));
        anvil.mine(2);
        assert!(matches!(settle(device, 0), Progress::Final(_)));
        assert_eq!(phase(device, 0), Phase::Final);
    });
    assert_eq!((mined(&anvil, "late"), moved(&anvil, 0)), (1, 1));
}

#[test]
fn a_dropped_transaction_that_expires_leaves_no_hole() {
    let anvil = Anvil::start();
    let board = Board::new(&anvil, "lost");
    anvil.set_automine(false);
    board.boot(|device| {
        put_until(device, 0, 100);
        let original = block_on(device.submit(entry(0))).unwrap();
        forget(&anvil, original);
        submit(device, 1);
        anvil.mine(1);
        assert_eq!(mined(&anvil, "lost"), 0);
        assert_eq!(block_on(device.expire(100)), Ok(1));
        anvil.mine(1);
    });
    assert_eq!(mined(&anvil, "lost"), 2);
    assert_eq!((moved(&anvil, 0), moved(&anvil, 1)), (0, 1));
}

#[test]
fn a_call_that_reverts_once_its_nonce_is_set_aside_leaves_no_hole() {
    let anvil = Anvil::start();
    let board = Board::new(&anvil, "reverting");
    let code = Probe::creation(7);
    let creation = Intent {
        to: None,
        value: Wei::ZERO,
        data: CallData::Bytes(&code),
    };
    // The code is longer than an item of the board's store: its maker puts it there.
    let mut maker = coracle_tests::device("maker", &[anvil.url()], |_| {});
    fund(&anvil, account("maker"));
    block_on(maker.put(entry(0), &creation)).unwrap();
    block_on(maker.submit(entry(0))).unwrap();
    block_on(maker.wait(entry(0), Milestone::Included)).unwrap();
    let probe: Address = create_address(&account("maker"), 0);
    // Power goes before the signature is written: the nonce is set aside.
    let data = Probe::store(1, b"w");
    let ok = Probe::store(9, b"w");
    let call = |data| Intent {
        to: Some(probe),
        value: Wei::ZERO,
        data: CallData::Bytes(data),
    };
    board.boot(|device| {
        // What the function takes is known from a call that does not revert.
        block_on(device.put(entry(0), &call(&ok))).unwrap();
        block_on(device.submit(entry(0))).unwrap();
        settle(device, 0);
        block_on(device.put(entry(1), &call(&data))).unwrap();
        let mut nth = 1;
        while known(device, 1).phase != Phase::Reserved {
            board.flash().borrow_mut().cut_at(nth, Ending::Before);
            block_on(device.submit(entry(1))).unwrap_err();
            board.flash().borrow_mut().power_on();
            nth += 1;
        }
    });
    board.boot(|device| {
        let error = block_on(device.submit(entry(1))).unwrap_err();
        assert!(
            matches!(error, ClientError::Node(NodeError::Reverted)),
            "{error:?}"
        );
        assert_eq!(phase(device, 1), Phase::Reserved);
        submit(device, 2);
        assert_eq!(mined(&anvil, "reverting"), 1);
        block_on(device.cancel(entry(1))).unwrap();
        settle(device, 2);
    });
    assert_eq!((mined(&anvil, "reverting"), moved(&anvil, 2)), (3, 1));
}

#[test]
fn a_cancellation_is_written_down_before_it_is_sent() {
    let anvil = Anvil::start();
    let mut board = Board::new(&anvil, "journalled");
    anvil.set_automine(false);
    board.boot(|device| submit(device, 0));
    // The node gets it, and the device never hears of it.
    let proxy = Proxy::start(anvil.url(), |ask: &Ask| {
        if ask.is("sendRawTransaction") {
            ask.forward();
            return Reply::Raw(Vec::new());
        }
        match ask.is("getTransactionByHash") {
            true => Reply::Raw(Vec::new()),
            false => ask.honest(),
        }
    });
    let url = anvil.url().to_owned();
    board.set_nodes(&[proxy.url()], 1);
    board.boot(|device| {
        block_on(device.cancel(entry(0))).unwrap_err();
        let entry = known(device, 0);
        assert_eq!((entry.phase, entry.attempts.len()), (Phase::Signed, 2));
        assert_eq!(entry.given_up, Some(GivenUp::Cancelled));
    });
    board.set_nodes(&[&url], 1);
    board.boot(|device| {
        assert_eq!(block_on(device.reconcile()), Ok(1));
        let entry = known(device, 0);
        assert_eq!((entry.phase, entry.attempts.len()), (Phase::Sent, 2));
        anvil.mine(3);
        assert_eq!(settle(device, 0), Progress::GivenUp(GivenUp::Cancelled));
    });
    assert_eq!((mined(&anvil, "journalled"), moved(&anvil, 0)), (1, 0));
    assert_eq!(board.signatures(), 2);
}

#[test]
fn what_is_given_up_stays_so_through_a_reset() {
    let anvil = Anvil::start();
    let mut board = Board::new(&anvil, "firm");
    board.boot(|device| submit_refused(device, 0, None));
    // No node answers: only the decision is written down.
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", dead.local_addr().unwrap());
    drop(dead);
    let url = anvil.url().to_owned();
    board.set_nodes(&[&nobody], 1);
    board.boot(|device| {
        block_on(device.cancel(entry(0))).unwrap_err();
        assert_eq!(phase(device, 0), Phase::Reserved);
    });
    board.set_nodes(&[&url], 1);
    board.boot(|device| {
        assert_eq!(known(device, 0).given_up, Some(GivenUp::Cancelled));
        // A submit signs what takes its place, not what it was to do.
        block_on(device.submit(entry(0))).unwrap();
        assert!(known(device, 0).attempts.iter().all(|at| at.is_cancel));
        assert!(matches!(settle(device, 0), Progress::Cancelled(_)));
    });
    assert_eq!((mined(&anvil, "firm"), moved(&anvil, 0)), (1, 0));
}

#[test]
fn expiring_goes_on_where_a_failure_stopped_it() {
    let anvil = Anvil::start();
    let mut board = Board::new(&anvil, "resumed");
    anvil.set_automine(false);
    board.boot(|device| {
        put_until(device, 0, 100);
        block_on(device.submit(entry(0))).unwrap();
        put_until(device, 1, 100);
    });
    let url = anvil.url().to_owned();
    let proxy = Proxy::start(anvil.url(), |ask: &Ask| ask.error(-32005, "limit exceeded"));
    board.set_nodes(&[proxy.url()], 1);
    board.boot(|device| {
        block_on(device.expire(100)).unwrap_err();
        assert_eq!(phase(device, 1), Phase::Expired, "it needs no node");
        let entry = known(device, 0);
        assert_eq!(
            (entry.phase, entry.given_up),
            (Phase::Sent, Some(GivenUp::Expired))
        );
    });
    board.set_nodes(&[&url], 1);
    board.boot(|device| {
        assert_eq!(block_on(device.expire(100)), Ok(0), "nothing new is due");
        anvil.mine(3);
        assert_eq!(settle(device, 0), Progress::GivenUp(GivenUp::Expired));
    });
    assert_eq!((mined(&anvil, "resumed"), moved(&anvil, 0)), (1, 0));
}

#[test]
fn bumps_leave_a_place_for_giving_up() {
    let anvil = Anvil::start();
    let board = Board::new(&anvil, "bumped");
    anvil.set_automine(false);
    board.boot(|device| {
        submit(device, 0);
        let error = loop {
            if let Err(error) = block_on(device.bump(entry(0))) {
                break error;
            }
        };
        assert_eq!(error, ClientError::TooManyAttempts);
        assert_eq!(known(device, 0).attempts.len(), 3);
        block_on(device.cancel(entry(0))).unwrap();
        let attempts = known(device, 0).attempts;
        let cancels: Vec<_> = attempts.iter().map(|at| at.is_cancel).collect();
        assert_eq!(cancels, [false, false, false, true]);
        let fees: Vec<_> = attempts.iter().map(|at| at.fees.max_fee_per_gas).collect();
        assert!(fees.is_sorted_by(|a, b| a < b), "{fees:?}");
        anvil.mine(3);
        assert_eq!(settle(device, 0), Progress::GivenUp(GivenUp::Cancelled));
    });
    assert_eq!((mined(&anvil, "bumped"), moved(&anvil, 0)), (1, 0));
}

#[test]
fn a_cancellation_that_waits_is_bumped_as_one() {
    let anvil = Anvil::start();
    let board = Board::new(&anvil, "twice");
    anvil.set_automine(false);
    board.boot(|device| {
        submit(device, 0);
        block_on(device.cancel(entry(0))).unwrap();
        let hash = block_on(device.bump(entry(0))).unwrap();
        let attempts = known(device, 0).attempts;
        let cancels: Vec<_> = attempts.iter().map(|at| at.is_cancel).collect();
        assert_eq!(cancels, [false, true, true]);
        anvil.mine(1);
        assert!(matches!(settle(device, 0), Progress::Cancelled(at) if at.hash == hash));
    });
    assert_eq!((mined(&anvil, "twice"), moved(&anvil, 0)), (1, 0));
}

#[test]
fn a_cancellation_that_a_reorganisation_undoes_is_sent_again() {
    let anvil = Anvil::start();
    let board = Board::new(&anvil, "undone");
    anvil.mine(3);
    board.boot(|device| {
        submit_refused(device, 0, None);
        block_on(device.cancel(entry(0))).unwrap();
        let settled = settle(device, 0);
        assert!(matches!(settled, Progress::Cancelled(_)), "{settled:?}");
    });
    anvil.rpc("anvil_reorg", json!([2, []]));
    assert_eq!(mined(&anvil, "undone"), 0);
    board.boot(|device| {
        assert_eq!(block_on(device.reconcile()), Ok(1));
        anvil.mine(3);
        assert_eq!(settle(device, 0), Progress::GivenUp(GivenUp::Cancelled));
    });
    assert_eq!(mined(&anvil, "undone"), 1);
    assert_eq!(board.signatures(), 1);
}
