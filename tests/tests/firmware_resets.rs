//! A device that is reset and loses power at any moment, again and again.

use std::fs;
use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use coracle_record::{Bundle, DeviceId};
use coracle_testkit::{SeededRng, rounds};
use coracle_tests::firmware::{Board, Chain, Dialect, Ended, Image, Qmp, Report, Scenario};
use meter::host::join_consoles;

mod firmware;

use firmware::judge::{self, Judgement};
use firmware::mined::transactions;

/// A life ends after at most twice this by a power cut, and has one reset in its midst.
const LIFE_MS: usize = 1500;

#[test]
fn every_reading_is_there_once_through_resets_and_power_cuts() {
    let (cuts, readings) = (rounds(6, 50), rounds(20, 200));
    let chain = Chain::anvil().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let readings = u32::try_from(readings).unwrap();
    let mut scenario = Scenario::meter(Board::Mps2An386, Dialect::Quectel, readings);
    Image::build(&scenario.image).unwrap();
    scenario.contract = Some(chain.deploy().unwrap().to_string());
    scenario.flash = Some(dir.path().join("flash"));
    scenario.console = Some(dir.path().join("console"));
    scenario.qmp = Some(dir.path().join("qmp"));

    let mut rng = SeededRng::from_env(0x0ff);
    let mut consoles = Vec::new();
    let (mut resets, mut power_cuts) = (0, 0);
    while resets + power_cuts < cuts {
        let limit = Duration::from_millis(rng.below(2 * LIFE_MS) as u64);
        let reset = reset_after(&scenario, limit.mul_f64(rng.below(100) as f64 / 100.0));
        let report = Scenario {
            limit,
            ..scenario.clone()
        }
        .run(&chain, |_| ())
        .unwrap();
        let reset = reset.join().unwrap();
        resets += usize::from(reset.is_some());
        assert_eq!(
            report.ended,
            Ended::TimedOut,
            "done too early\n{}",
            report.log()
        );
        power_cuts += 1;
        let console = report.bundle;
        let (before, after) = console.split_at(reset.unwrap_or_default().min(console.len()));
        consoles.extend([before.to_vec(), after.to_vec()]);
    }

    let mut report = scenario.run(&chain, |line| println!("{line}")).unwrap();
    assert!(report.is_success(), "{}", report.log());
    let started_over = consoles
        .iter()
        .filter(|console| !console.is_empty())
        .count();
    consoles.push(report.bundle.clone());
    report.bundle = joined(&consoles);
    let (mined, of_account) = counts(&chain, &report);
    println!(
        "{power_cuts} power cuts, {resets} resets, {started_over} of the runs cut off had begun their \
         bundle; {readings} readings, {mined} transactions mined"
    );
    assert_eq!(judge::judge(&chain, &report), Ok(Judgement::all(readings)));
    assert_eq!(
        (mined, of_account),
        (readings as usize, u64::from(readings))
    );
    assert!(
        resets * 3 > power_cuts,
        "too few resets hit a running machine"
    );
}

/// Resets the machine once after a while; gives how long the console was then, or nothing
/// where the machine was not on.
fn reset_after(scenario: &Scenario, pause: Duration) -> JoinHandle<Option<usize>> {
    let (qmp, console) = (
        scenario.qmp.clone().unwrap(),
        scenario.console.clone().unwrap(),
    );
    thread::spawn(move || {
        thread::sleep(pause);
        let mut len = 0;
        let reset = Qmp::connect(&qmp).and_then(|mut qmp| qmp.reset(|| len = len_of(&console)));
        reset.ok().map(|()| len)
    })
}

fn len_of(path: &Path) -> usize {
    fs::metadata(path).map_or(0, |file| usize::try_from(file.len()).unwrap())
}

/// The bundle of all that the consoles showed.
fn joined(consoles: &[Vec<u8>]) -> Vec<u8> {
    let last = consoles.last().unwrap();
    let bundle = Bundle::decode(last).unwrap();
    // The judge holds the key against the account.
    let key = bundle.dangerous_claimed_key().unwrap();
    join_consoles(consoles, &key, DeviceId::from_slice(b"meter-7").unwrap())
}

/// How many transactions were mined for the account, and its nonce.
fn counts(chain: &Chain, report: &Report) -> (usize, u64) {
    let account = report.account.as_deref().unwrap();
    let params = serde_json::json!([account, "latest"]);
    let nonce = chain.rpc("eth_getTransactionCount", &params).unwrap();
    let nonce = u64::from_str_radix(&nonce.as_str().unwrap()[2..], 16).unwrap();
    (transactions(chain, account).len(), nonce)
}
