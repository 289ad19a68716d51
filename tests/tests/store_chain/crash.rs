//! Power goes between any two steps of a submit; the next start goes on from there.

use coracle_client::eth::{Outbox, Phase, Progress};
use coracle_net::host::block_on;
use coracle_testkit::Ending;
use coracle_tests::{Anvil, Proxy, Reply, entry};
use serde_json::json;

use super::board::{Board, Device, DeviceError, known, mined, moved, settle, transfer};

/// Entry 0 from nothing to a node.
fn report<'s, 'm>(device: &mut Device<'s, 'm>) -> Result<(), DeviceError<'s, 'm>> {
    block_on(device.put(entry(0), &transfer(0)))?;
    block_on(device.submit(entry(0)))?;
    Ok(())
}

/// After the reset: whatever was kept goes on, and entries 0 and 1 are each on the chain
/// once, under the first two nonces.
fn recover(anvil: &Anvil, board: &Board, when: &str) {
    let before = mined(anvil, board.name());
    board.boot(|device| {
        block_on(device.reconcile()).unwrap_or_else(|error| panic!("{when}: {error:?}"));
        for sequence in 0..2 {
            let id = entry(sequence);
            // The reading is taken again where it was not written down.
            block_on(device.put(id, &transfer(sequence))).unwrap();
            if is_unsent(known(device, sequence).phase) {
                block_on(device.submit(id)).unwrap_or_else(|error| panic!("{when}: {error:?}"));
            }
            anvil.mine(1);
            let settled = settle(device, sequence);
            let is_mined = matches!(settled, Progress::Included(_) | Progress::Final(_));
            assert!(is_mined, "{when}: {settled:?}");
            assert_eq!(known(device, sequence).nonce, Some(sequence), "{when}");
        }
        assert_eq!(
            block_on(device.outbox().next_open(Some(entry(1)))),
            Ok(None)
        );
    });
    assert!(before <= 1, "{when}");
    assert_eq!(mined(anvil, board.name()), 2, "{when}");
    assert_eq!((moved(anvil, 0), moved(anvil, 1)), (1, 1), "{when}");
}

const fn is_unsent(phase: Phase) -> bool {
    matches!(phase, Phase::Queued | Phase::Reserved | Phase::Signed)
}

/// A board on a chain that is as it was.
fn fresh(anvil: &Anvil, run: impl FnOnce(Board)) {
    let snapshot = anvil.rpc("evm_snapshot", json!([]));
    run(Board::new(anvil, "mortal"));
    anvil.rpc("evm_revert", json!([snapshot]));
}

#[test]
fn a_power_cut_at_any_write_of_a_submit_makes_exactly_one_transaction() {
    let anvil = Anvil::start();
    let mut cuts = 0;
    for ending in Ending::ALL {
        let mut is_over = false;
        for nth in 1.. {
            fresh(&anvil, |board| {
                board.flash().borrow_mut().cut_at(nth, ending);
                let outcome = board.boot(|device| report(device).is_ok());
                is_over = !board.flash().borrow().is_off();
                assert_eq!(outcome, is_over, "{ending:?} at {nth}");
                board.flash().borrow_mut().power_on();
                recover(&anvil, &board, &format!("{ending:?} at {nth}"));
            });
            if is_over {
                break;
            }
            cuts += 1;
        }
    }
    println!("{cuts} power cuts");
    assert!(
        cuts >= 24,
        "put, reserve, sign and send write at least once each"
    );
}

/// Starts, goes on, and loses power at the `nth` write; whether it got through before.
fn run_until(board: &Board, nth: u64, ending: Ending) -> bool {
    board.flash().borrow_mut().cut_at(nth, ending);
    let outcome = board.boot(|device| {
        block_on(device.reconcile())?;
        report(device)
    });
    let is_through = !board.flash().borrow().is_off();
    assert_eq!(outcome.is_ok(), is_through, "{ending:?} at {nth}");
    board.flash().borrow_mut().power_on();
    is_through
}

#[test]
fn a_second_power_cut_while_it_goes_on_makes_exactly_one_transaction() {
    let anvil = Anvil::start();
    let mut cuts = 0;
    let mut is_over = false;
    for first in 1.. {
        for second in 1.. {
            let mut is_through = false;
            fresh(&anvil, |board| {
                is_over = run_until(&board, first, Ending::Torn);
                is_through = is_over || run_until(&board, second, Ending::Before);
                recover(&anvil, &board, &format!("cut at {first} and {second}"));
            });
            if is_through {
                break;
            }
            cuts += 1;
        }
        if is_over {
            break;
        }
    }
    println!("{cuts} pairs of power cuts");
    assert!(cuts >= 24);
}

#[test]
fn power_that_goes_at_any_request_makes_exactly_one_transaction() {
    let anvil = Anvil::start();
    for is_forwarded in [false, true] {
        let mut last = 0;
        for nth in 1.. {
            let mut is_over = false;
            fresh(&anvil, |mut board| {
                let mut count = 0;
                let proxy = Proxy::start(anvil.url(), move |ask| {
                    count += 1;
                    if count < nth {
                        return ask.honest();
                    }
                    if count == nth && is_forwarded {
                        ask.forward();
                    }
                    Reply::Raw(Vec::new())
                });
                board.set_nodes(&[proxy.url()], 1);
                is_over = board.boot(|device| report(device).is_ok());
                board.set_nodes(&[anvil.url()], 1);
                let when = format!("request {nth}, forwarded: {is_forwarded}");
                recover(&anvil, &board, &when);
            });
            last = nth;
            if is_over {
                break;
            }
        }
        assert_eq!(
            last, 6,
            "chain id, fees, gas, nonce and transaction, and none is cut"
        );
    }
}
