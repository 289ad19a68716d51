//! The program as a user runs it.
#![cfg(feature = "host")]

mod support;

use std::fs;

use coracle_devnet::{Address, Config, Devnet, U256};
use support::{audit, meter, temporary};

fn stdout_of_run(name: &str, args: &[&str]) -> String {
    let bundle = temporary(&format!("{name}.cbor"));
    let path = bundle.to_str().expect("plain text");
    let output = meter(&[args, &["--bundle", path]].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(errors, "");
    let summary = audit(&bundle);
    assert!(summary.is_complete(), "{summary:?}");
    assert_eq!(summary.intact, 4);
    String::from_utf8(output.stdout).expect("text")
}

fn shows_four_final_readings(text: &str) {
    assert_eq!(text.matches("  sent      0x").count(), 4, "{text}");
    assert_eq!(text.matches("  final     0x").count(), 4, "{text}");
    assert!(text.contains("final     4, each exactly once"), "{text}");
    assert!(text.contains("a submit  1 round trip,"), "{text}");
}

#[test]
fn every_reading_is_final_once_and_in_the_bundle() {
    let text = stdout_of_run("ethereum", &["--readings", "4"]);
    shows_four_final_readings(&text);
    assert!(text.contains("Ethereum, id 31337"), "{text}");
}

#[test]
fn platon_takes_legacy_transactions_and_its_own_addresses() {
    let text = stdout_of_run("platon", &["--readings", "4", "--profile", "platon"]);
    shows_four_final_readings(&text);
    assert!(text.contains("account   lat1"), "{text}");
}

#[test]
fn polygon_pays_its_least_tip() {
    let text = stdout_of_run("polygon", &["--readings", "4", "--profile", "polygon"]);
    shows_four_final_readings(&text);
}

#[test]
fn one_seed_draws_the_same_water() {
    let litres = |name: &str, seed: &str| {
        let text = stdout_of_run(name, &["--readings", "4", "--seed", seed]);
        let sent = text.lines().filter(|line| line.contains("  sent "));
        let column = |line: &str| line.split_whitespace().nth(1).map(str::to_owned);
        sent.map(column).collect::<Vec<_>>()
    };
    assert_eq!(litres("seed-7a", "7"), litres("seed-7b", "7"));
    assert_ne!(litres("seed-7c", "7"), litres("seed-8", "8"));
}

/// A run that must fail before it sends anything: what it says.
fn complaint(args: &[&str]) -> String {
    let output = meter(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
fn a_wrong_argument_is_named() {
    for (args, words) in [
        (&["--reading", "3"][..], "no option --reading"),
        (&["--readings"], "--readings takes a value"),
        (&["--readings", "0"], "above 0"),
        (&["--readings", "-1"], "--readings -1 is no number"),
        (&["--seed", "1", "--seed", "2"], "--seed is given twice"),
        (&["--profile", "bitcoin"], "--profile bitcoin is unknown"),
        (&["--contract", "0x12"], "--contract 0x12 is no address"),
        (&["--rpc", "http://127.0.0.1:1"], "--chain-id"),
        (
            &["--rpc", "http://127.0.0.1:1", "--chain-id", "1"],
            "--key-file",
        ),
        (&["--key-file", "key"], "--rpc"),
        (&["--device", ""], "device id"),
        (&["--poll-ms", "1"], "--poll-ms needs --rpc"),
        (&["--state", "x"], "--state needs --rpc"),
        (
            &["--state", "x", "--rpc", "http://127.0.0.1:1"],
            "--state needs --device",
        ),
    ] {
        let text = complaint(args);
        assert!(text.contains(words), "{args:?}: {text}");
    }
}

#[cfg(unix)]
fn key_file(name: &str, content: &str, mode: u32) -> String {
    use std::os::unix::fs::PermissionsExt as _;

    let path = temporary(name);
    fs::write(&path, content).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode");
    path.to_str().expect("plain text").to_owned()
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_or_that_is_none_is_refused() {
    let key = format!("0x{}\n", "11".repeat(32));
    let zero = format!("0x{}\n", "00".repeat(32));
    for (name, content, mode, words) in [
        ("open.key", &key, 0o644, "chmod 600"),
        ("group.key", &key, 0o640, "chmod 600"),
        (
            "short.key",
            &"0x11".to_owned(),
            0o600,
            "64 hexadecimal digits",
        ),
        ("zero.key", &zero, 0o600, "out of range"),
    ] {
        let path = key_file(name, content, mode);
        let node = ["--rpc", "http://127.0.0.1:1", "--chain-id", "1"];
        let text = complaint(&[&node[..], &["--key-file", &path]].concat());
        assert!(text.contains(words), "{name}: {text}");
        assert!(!text.contains("1111"), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn a_node_of_another_chain_and_an_empty_account_are_refused() {
    let devnet = Devnet::new(Config::local());
    let server = devnet.serve("127.0.0.1:0").expect("a free port");
    let key = key_file("poor.key", &format!("0x{}", "22".repeat(32)), 0o600);
    let run = |id: &str| {
        let url = server.url();
        complaint(&["--rpc", &url, "--chain-id", id, "--key-file", &key])
    };
    assert!(run("5").contains("node is on chain 31337"));
    assert!(run("31337").contains("account holds 0"));
    assert_eq!(devnet.height(), 0);
    assert!(devnet.pool().is_empty());
}

/// A chain on which the account of a key has money.
#[cfg(unix)]
fn rich_chain(key: &[u8; 32]) -> (Address, Devnet) {
    let secret = coracle::core::ecdsa::SecretKey::from_bytes(key).expect("a key");
    let account = coracle::core::Address::from_public_key(secret.public_key());
    let account = Address::from(account.0);
    let ether = U256::from(1_000_000_000_000_000_000_u64);
    let devnet = Devnet::new(Config::local().fund(account, ether));
    (account, devnet)
}

#[cfg(unix)]
#[test]
fn another_contract_and_a_device_with_records_are_refused() {
    let key = [0x33; 32];
    let (account, devnet) = rich_chain(&key);
    let server = devnet.serve("127.0.0.1:0").expect("a free port");
    let file = key_file("rich.key", &format!("0x{}", "33".repeat(32)), 0o600);
    let (url, bundle) = (server.url(), temporary("again.cbor"));
    let bundle = bundle.to_str().expect("plain text");
    let node = ["--rpc", &url, "--chain-id", "31337", "--key-file", &file];
    // Final at once: nobody makes blocks while the meter waits.
    let node = [&node[..], &["--confirmations", "0", "--bundle", bundle]].concat();

    let nothing = Address::repeat_byte(0x44).to_string();
    let text = complaint(&[&node[..], &["--contract", &nothing]].concat());
    assert!(text.contains("is not MeterLog's"), "{text}");

    let contract = account.create(0).to_string();
    let first = [&node[..], &["--device", "twin"]].concat();
    assert!(meter(&first).status.success());
    let again = [&first[..], &["--contract", &contract]].concat();
    let text = complaint(&again);
    assert!(text.contains("and the meter forgot some"), "{text}");
    let other = [&node[..], &["--device", "other", "--contract", &contract]].concat();
    assert!(meter(&other).status.success());
}

#[cfg(unix)]
#[test]
fn a_meter_with_a_state_goes_on_where_it_was_stopped() {
    let (account, devnet) = rich_chain(&[0x44; 32]);
    let server = devnet.serve("127.0.0.1:0").expect("a free port");
    let file = key_file("kept.key", &format!("0x{}", "44".repeat(32)), 0o600);
    let (url, bundle) = (server.url(), temporary("kept.cbor"));
    let folder = temporary("kept-state");
    let _ = fs::remove_dir_all(&folder);
    let node = ["--rpc", &url, "--chain-id", "31337", "--key-file", &file];
    let rest = [
        "--confirmations",
        "0",
        "--bundle",
        bundle.to_str().expect("text"),
    ];
    let node = [&node[..], &rest, &["--device", "kept"]].concat();
    assert!(
        meter(&[&node[..], &["--readings", "1"]].concat())
            .status
            .success()
    );

    let contract = account.create(0).to_string();
    let device = ["--contract", &contract, "--device", "kept-2"];
    let state = ["--state", folder.to_str().expect("text")];
    let node = [&node[..node.len() - 2], &device, &state].concat();
    let run = |readings: &str| {
        let output = meter(&[&node[..], &["--readings", readings]].concat());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        let summary = audit(&bundle);
        assert!(summary.is_complete(), "{summary:?}");
        summary.intact
    };
    let transactions = || devnet.nonce(account);
    let before = transactions();
    assert_eq!(run("2"), 2);
    assert_eq!(run("5"), 5);
    assert_eq!(transactions() - before, 5);
    // Nothing is left to do.
    assert_eq!(run("5"), 5);
    assert_eq!(transactions() - before, 5);
    let image = fs::read(folder.join("flash")).expect("the flash");
    assert!(!image.windows(8).any(|bytes| bytes == [0x44; 8]), "the key");

    let other = key_file("kept-other.key", &format!("0x{}", "45".repeat(32)), 0o600);
    let args = [&node[..], &["--readings", "6"]].concat();
    let args: Vec<_> = args
        .iter()
        .map(|arg| if *arg == file { &other } else { *arg })
        .collect();
    assert!(complaint(&args).contains("another key"));
}
