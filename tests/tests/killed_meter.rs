//! The meter on a host, killed at any moment, before a real node behind a network that
//! loses, delays and repeats.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use coracle_testkit::{SeededRng, rounds};
use coracle_tests::firmware::Chain;
use coracle_tests::flaky::Flaky;
use coracle_tests::{account, key};
use serde_json::json;

mod firmware;

use firmware::judge::{self, Judgement};
use firmware::mined::transactions;

const NAME: &str = "killed";

/// A life ends after at most twice this.
const LIFE_MS: usize = 200;

/// Of a hundred requests so many meet with a mishap.
const MISHAPS: usize = 20;

/// After the last kill, starts that may fail by themselves: a start asks the node a few
/// things only once.
const STARTS: usize = 100;

#[test]
fn every_reading_is_there_once_however_often_the_meter_is_killed() {
    let (kills, readings) = (rounds(25, 500), rounds(100, 2_000));
    let begun = Instant::now();
    let seed = SeededRng::seed_from_env(0x51_6b);
    let chain = Chain::anvil().unwrap();
    let sender = account(NAME).to_string();
    chain.fund(&sender).unwrap();
    let contract = chain.deploy().unwrap().to_string();
    let network = Flaky::start(chain.url(), MISHAPS, seed);
    let meter = Meter::install(network.url(), &contract, readings);

    let mut rng = SeededRng::new(seed);
    let mut killed = 0;
    let mut endings = BTreeMap::new();
    while killed < kills {
        let life = Duration::from_millis(rng.below(2 * LIFE_MS) as u64);
        match meter.live(life) {
            Ending::Killed => killed += 1,
            Ending::Failed(why) => *endings.entry(why).or_insert(0) += 1,
            Ending::Done => panic!("done after {killed} kills"),
        }
    }
    let mut starts = 0;
    loop {
        starts += 1;
        assert!(starts < STARTS, "{endings:#?}");
        match meter.live(Duration::from_secs(600)) {
            Ending::Done => break,
            Ending::Failed(why) => *endings.entry(why).or_insert(0) += 1,
            Ending::Killed => panic!("a run without an end"),
        }
    }

    let bundle = fs::read(meter.bundle()).unwrap();
    let mined = transactions(&chain, &sender).len();
    let tally = network.tally();
    println!(
        "{killed} kills, {readings} readings, {mined} transactions mined, {:.0} s; {tally}; ended \
         by itself: {endings:#?}",
        begun.elapsed().as_secs_f64(),
    );
    let judgement = judge::compare(&chain, &contract, &sender, &bundle);
    assert_eq!(
        judgement,
        Ok(Judgement::all(u32::try_from(readings).unwrap()))
    );
    // The meter cancels nothing.
    assert_eq!(mined, readings);
    let nonce = chain.rpc("eth_getTransactionCount", &json!([sender, "latest"]));
    assert_eq!(nonce.unwrap(), format!("{readings:#x}"));
    assert!(tally.mishaps.iter().all(|count| *count > 0), "{tally}");
    let network = "meter: answer ends too early at byte ";
    assert!(endings.keys().all(|why| why == network), "{endings:#?}");
}

enum Ending {
    Killed,
    /// By itself, with this message.
    Failed(String),
    Done,
}

/// A meter that was installed once.
struct Meter {
    dir: tempfile::TempDir,
    args: Vec<String>,
}

impl Meter {
    fn install(node: &str, contract: &str, readings: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| dir.path().join(name).display().to_string();
        let secret = coracle_core::hex::Hex(&*key(NAME).dangerous_to_bytes()).to_string();
        fs::write(file("key"), secret).unwrap();
        fs::set_permissions(file("key"), fs::Permissions::from_mode(0o600)).unwrap();
        let args = [
            ("--rpc", node),
            ("--chain-id", "31337"),
            ("--confirmations", "2"),
            ("--poll-ms", "20"),
            ("--readings", &readings.to_string()),
            ("--device", "killed"),
            ("--contract", contract),
            ("--key-file", &file("key")),
            ("--state", &file("state")),
            ("--bundle", &file("bundle.cbor")),
        ];
        let args = args.into_iter().flat_map(|(name, value)| [name, value]);
        let args = args.map(str::to_owned).collect();
        Self { dir, args }
    }

    fn bundle(&self) -> PathBuf {
        self.dir.path().join("bundle.cbor")
    }

    /// One run, killed after `life` unless it ends before.
    fn live(&self, life: Duration) -> Ending {
        let errors = self.dir.path().join("errors");
        let child = Command::new(env!("CARGO_BIN_EXE_meter-to-kill"))
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&errors).unwrap())
            .spawn()
            .unwrap();
        let mut child = Living(child);
        let end = Instant::now() + life;
        while Instant::now() < end {
            if let Some(status) = child.0.try_wait().unwrap() {
                return match status.success() {
                    true => Ending::Done,
                    false => Ending::Failed(last_line(&errors)),
                };
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ending::Killed
    }
}

/// Killed when dropped.
struct Living(Child);

impl Drop for Living {
    fn drop(&mut self) {
        // SIGKILL. Nothing is left to do where it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The last line, without a number at its end.
fn last_line(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().last().unwrap_or_default();
    line.trim_end_matches(|c: char| c.is_ascii_digit())
        .to_owned()
}
