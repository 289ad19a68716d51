//! Bad input: an error answer for a bad line, one line and exit code 1 for bad arguments.

use std::io::Read;
use std::process::Stdio;

use serde_json::Value as Json;

mod support;
use support::{Folder, answer, complaint, coracle, is_error, lines, run_with, stderr, stdout};

const SIGN: &[&str] = &["eth", "sign-tx"];
const DECODE: &[&str] = &["eth", "decode-tx"];
const ENCODE: &[&str] = &["eth", "abi-encode"];
const ABI: &[&str] = &["eth", "abi-decode"];
const LOG: &[&str] = &["eth", "decode-log"];
const RLP: &[&str] = &["rlp", "decode"];
const TO_RLP: &[&str] = &["rlp", "encode"];
const KEY: &[&str] = &["key", "address"];
const VERIFY: &[&str] = &["record", "verify"];
const SHOW: &[&str] = &["record", "show"];

/// Command, line, kind of the error.
const LINES: &[(&[&str], &str, &str)] = &[
    (SIGN, r#"{}"#, "missing-field"),
    (SIGN, r#"5"#, "wrong-type"),
    (SIGN, r#"[]"#, "wrong-type"),
    (SIGN, r#"null"#, "wrong-type"),
    (SIGN, r#"{"type":7}"#, "wrong-type"),
    (SIGN, r#"{"type":"eip4844"}"#, "unsupported-type"),
    (
        SIGN,
        r#"{"type":"legacy","gasPrice":"0x01"}"#,
        "leading-zero",
    ),
    (SIGN, r#"{"type":"legacy","gasPrice":"1x"}"#, "bad-digit"),
    (SIGN, r#"{"type":"legacy","gasPrice":-1}"#, "wrong-type"),
    (
        SIGN,
        r#"{"type":"legacy","gasPrice":"0x1","nonce":"0x10000000000000000"}"#,
        "overflow",
    ),
    (
        SIGN,
        r#"{"type":"eip155","gasPrice":"0x1"}"#,
        "missing-field",
    ),
    (
        SIGN,
        r#"{"type":"eip1559","chainId":1,"maxFeePerGas":1,"maxPriorityFeePerGas":1,"accessList":{}}"#,
        "wrong-type",
    ),
    (
        SIGN,
        r#"{"type":"eip1559","chainId":1,"maxFeePerGas":1,"maxPriorityFeePerGas":1,"accessList":[{"address":"0x"}]}"#,
        "missing-field",
    ),
    (
        SIGN,
        r#"{"type":"legacy","gasPrice":1,"nonce":1,"gasLimit":1,"to":"0x1","value":1,"data":"0x"}"#,
        "odd-length",
    ),
    (
        SIGN,
        r#"{"type":"legacy","gasPrice":1,"nonce":1,"gasLimit":1,"value":1,"data":"0x"}"#,
        "missing-field",
    ),
    (
        SIGN,
        r#"{"type":"legacy","gasPrice":1,"nonce":1,"gasLimit":1,"value":1,"data":"0x","key":"0x0000000000000000000000000000000000000000000000000000000000000000"}"#,
        "out-of-range",
    ),
    (
        SIGN,
        r#"{"type":"legacy","gasPrice":1,"nonce":1,"gasLimit":1,"value":1,"data":"0x","key":"0x00"}"#,
        "bad-length",
    ),
    (DECODE, r#"{}"#, "missing-field"),
    (DECODE, r#"{"txbytes":null}"#, "missing-field"),
    (DECODE, r#"{"txbytes":[]}"#, "wrong-type"),
    (DECODE, r#"{"txbytes":"02"}"#, "no-prefix"),
    (DECODE, r#"{"txbytes":"0x"}"#, "truncated"),
    (DECODE, r#"{"txbytes":"0x03"}"#, "unsupported-type"),
    (DECODE, r#"{"txbytes":"0xc0"}"#, "truncated"),
    (ENCODE, r#"{"value":[]}"#, "missing-field"),
    (ENCODE, r#"{"type":"(bool)"}"#, "missing-field"),
    (
        ENCODE,
        r#"{"type":"(bool","value":[true]}"#,
        "bad-character",
    ),
    (ENCODE, r#"{"type":"(bool)","value":[1]}"#, "wrong-json"),
    (ENCODE, r#"{"type":"(bool)","value":[]}"#, "wrong-count"),
    (
        ENCODE,
        r#"{"type":"(uint8)","value":["256"]}"#,
        "out-of-range",
    ),
    (
        ENCODE,
        r#"{"type":"(bool)","signature":"f(uint8)","value":[1]}"#,
        "type-mismatch",
    ),
    (ENCODE, r#"{"signature":"f","value":[1]}"#, "bad-character"),
    (ABI, r#"{"type":"(bool)","data":"0x"}"#, "truncated"),
    (
        ABI,
        r#"{"type":"(bool)","data":"0x0000000000000000000000000000000000000000000000000000000000000002"}"#,
        "not-bool",
    ),
    (
        ABI,
        r#"{"signature":"f(bool)","data":"0x00000000"}"#,
        "wrong-selector",
    ),
    (ABI, r#"{"data":"0x","revert":"yes"}"#, "wrong-type"),
    (
        ABI,
        r#"{"data":"0x0102030405","revert":true,"signature":"E()"}"#,
        "wrong-selector",
    ),
    (LOG, r#"{"event":"E()"}"#, "missing-field"),
    (
        LOG,
        r#"{"event":"E()","indexed":[2],"topics":[],"data":"0x"}"#,
        "wrong-type",
    ),
    (
        LOG,
        r#"{"event":"E()","indexed":[true],"topics":[],"data":"0x"}"#,
        "wrong-count",
    ),
    (
        LOG,
        r#"{"event":"E()","indexed":[],"topics":[],"data":"0x"}"#,
        "topic-count",
    ),
    (
        LOG,
        r#"{"event":"E()","indexed":[],"topics":[7],"data":"0x"}"#,
        "wrong-type",
    ),
    (
        LOG,
        r#"{"event":"E()","indexed":[],"topics":["0x00"],"data":"0x"}"#,
        "bad-length",
    ),
    (
        LOG,
        r#"{"event":"E()","indexed":[],"topics":["0x0000000000000000000000000000000000000000000000000000000000000000"],"data":"0x"}"#,
        "wrong-event",
    ),
    (RLP, r#"{"rlp":"0x"}"#, "truncated"),
    (RLP, r#"{"rlp":"0x8100"}"#, "non-canonical"),
    (RLP, r#"{"rlp":"0x0000"}"#, "trailing-bytes"),
    (RLP, r#"{"rlp":"0x00","bits":8}"#, "leading-zero"),
    (RLP, r#"{"rlp":"0x820100","bits":8}"#, "overflow"),
    (RLP, r#"{"rlp":"0x01","bits":0}"#, "bad-bits"),
    (RLP, r#"{"rlp":"0x01","bits":257}"#, "bad-bits"),
    (RLP, r#"{"rlp":"0x01","bits":true}"#, "wrong-type"),
    (TO_RLP, r#"{"decoded":7}"#, "wrong-type"),
    (TO_RLP, r#"{"decoded":["0x0"]}"#, "odd-length"),
    (TO_RLP, r#"{"uint":"-1"}"#, "bad-digit"),
    (KEY, r#"{}"#, "missing-field"),
    (
        KEY,
        r#"{"address":"0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"}"#,
        "bad-checksum",
    ),
    (KEY, r#"{"address":"0x00"}"#, "bad-length"),
    (
        KEY,
        r#"{"key":"0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"}"#,
        "out-of-range",
    ),
    (VERIFY, r#"{"record":"0x"}"#, "missing-field"),
    (VERIFY, r#"{"record":"0x","key":"0x"}"#, "truncated"),
    (VERIFY, r#"{"bundle":"0xd9d9f7","key":"0x"}"#, "truncated"),
    (SHOW, r#"{"record":"0x00"}"#, "wrong-type"),
    (SHOW, r#"{"bundle":"0x00"}"#, "wrong-type"),
    (SHOW, r#"{}"#, "missing-field"),
];

#[test]
fn a_line_that_cannot_be_done_is_answered_with_its_kind() {
    let good = r#"{"rlp":"0x01"}"#;
    assert_eq!(lines(RLP, good.as_bytes())[0]["decoded"], "0x01");
    for (command, line, kind) in LINES {
        let answers = lines(command, format!("{line}\n{line},\n").as_bytes());
        assert_eq!(answers.len(), 2, "{command:?} {line}");
        assert!(is_error(&answers[0]), "{command:?} {line}");
        assert_eq!(
            answers[0]["error"], *kind,
            "{command:?} {line}: {}",
            answers[0]
        );
        assert_eq!(answers[0], answers[1]);
    }
}

#[test]
fn lines_after_one_that_is_not_json_are_answered_and_the_exit_code_is_1() {
    let input = b"[\n{\"rlp\":\"0x01\"},\nnonsense\n\n{\"rlp\":\"0x02\"}\n{\"rlp\":\xff}\n]\n";
    let output = run_with(&["rlp", "decode", "--jsonl"], input);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    let answers: Vec<Json> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0]["decoded"], "0x01");
    assert_eq!(answers[1]["decoded"], "0x02");
    let complaints = stderr(&output);
    let complaints: Vec<_> = complaints.lines().collect();
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    assert!(complaints[0].starts_with("coracle: line 3 is not JSON"));
    assert!(complaints[1].starts_with("coracle: line 6 is not JSON"));
}

/// A line whose answer nobody waits for is not held back until the end.
#[test]
fn each_answer_is_flushed() {
    let mut child = coracle(&["rlp", "decode", "--jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    for _ in 0..3 {
        std::io::Write::write_all(&mut input, b"{\"rlp\":\"0x05\"}\n").unwrap();
        let mut answer = [0; 19];
        output.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"{\"decoded\":\"0x05\"}\n");
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let mut child = coracle(&["rlp", "decode", "--jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut input = child.stdin.take().unwrap();
    // Fails once the command is gone.
    let _ = std::io::Write::write_all(&mut input, &b"{\"rlp\":\"0x05\"}\n".repeat(10_000));
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(stderr(&output), "");
}

#[test]
fn bad_arguments_give_one_line_and_exit_code_1() {
    let folder = Folder::new();
    let file = folder.write("junk", b"\x00\x01");
    let list = folder.write("list.json", b"[]");
    for args in [
        &[][..],
        &["nonsense"],
        &["eth"],
        &["eth", "decode-tx"],
        &["eth", "decode-tx", "0x03"],
        &["eth", "decode-tx", "02f8"],
        &["eth", "abi-encode", "f(uint256)"],
        &["eth", "abi-encode", "f(uint256)", "x"],
        &["eth", "abi-encode", "f(uint256", "1"],
        &["eth", "abi-encode", "uint8", "1", "2"],
        &["eth", "abi-encode", "uint8[]", "[1"],
        &["eth", "abi-decode", "(uint256)"],
        &["eth", "abi-decode", "(uint256)", "0x00"],
        &["eth", "decode-log", "E(uint256"],
        &["eth", "sign-tx", "--chain-id", "1"],
        &["eth", "sign-tx", "--value", "1"],
        &[
            "eth",
            "sign-tx",
            "--to",
            "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        ],
        &["eth", "send", "--rpc", "http://127.0.0.1:1"],
        &[
            "eth",
            "call",
            "--rpc",
            "ftp://x",
            "--to",
            "0x0000000000000000000000000000000000000001",
        ],
        &["eth", "call", "--rpc", "http://127.0.0.1:1", "--to", "0x00"],
        &["eth", "receipt", "--rpc", "http://127.0.0.1:1", "0x00"],
        &["rlp", "decode", "0x8100"],
        &["rlp", "decode", "0x01", "--bits", "300"],
        &["rlp", "encode", "[\"0x0\"]"],
        &["rlp", "encode", "[7"],
        &["rlp", "encode", "--uint", "1", "0x01"],
        &[
            "key",
            "address",
            "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        ],
        &["key", "address", "/there/is/no/such/file"],
        &["key", "address", &file],
        &["key", "address", &list],
        &[
            "key",
            "new",
            "/there/is/no/folder/key",
            "--passphrase-file",
            &list,
        ],
        &[
            "key",
            "new",
            &file,
            "--passphrase-file",
            "/there/is/no/such/file",
        ],
        &["record", "verify"],
        &["record", "verify", &file],
        &["record", "verify", &file, "--key", "zz"],
        &["record", "verify", &file, "--key", "0x02"],
        &[
            "record",
            "verify",
            &file,
            "--key",
            "0x02",
            "--rpc",
            "http://127.0.0.1:1",
        ],
        &["record", "show", &file],
        &["devnet", "--fund", "0x00"],
        &["devnet", "--fund", "0x00=1"],
        &["devnet", "--port", "70000"],
        &["devnet", "--block-time", "0"],
    ] {
        complaint(args);
    }
}

#[test]
fn help_and_version_are_no_failures() {
    assert!(answer(&["--help"]).contains("devnet"));
    assert!(answer(&["--version"]).starts_with("coracle "));
    assert!(answer(&["eth", "send", "--help"]).contains("--max-fee"));
}

#[test]
fn answers_for_people() {
    assert_eq!(
        answer(&["rlp", "encode", "[\"0x01\",[\"0x\"]]"]),
        "0xc301c180\n"
    );
    assert_eq!(
        answer(&["rlp", "decode", "0xc301c180"]),
        "[\"0x01\",[\"0x\"]]\n"
    );
    assert_eq!(answer(&["rlp", "encode", "--uint", "1024"]), "0x820400\n");
    assert_eq!(
        answer(&["rlp", "decode", "0x820400", "--bits", "16"]),
        "1024\n"
    );
    let lower = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed";
    let address = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
    assert_eq!(answer(&["key", "address", lower]), format!("{address}\n"));
    let text = answer(&["eth", "abi-encode", "transfer(address,uint256)", lower, "5"]);
    assert!(text.contains("selector  0xa9059cbb\n"), "{text}");
    let calldata = text
        .lines()
        .last()
        .unwrap()
        .split_whitespace()
        .last()
        .unwrap();
    let text = answer(&["eth", "abi-decode", "transfer(address,uint256)", calldata]);
    assert_eq!(text, format!("[\"{lower}\",\"5\"]\n"));
    let text = answer(&[
        "eth",
        "abi-encode",
        "(int8,bool,string,uint8[])",
        "-1",
        "true",
        "a",
        "[1]",
    ]);
    assert!(
        text.starts_with(&format!("0x{}", "ff".repeat(32))),
        "{text}"
    );
    let panic = format!("0x4e487b71{}11", "00".repeat(31));
    let text = answer(&["eth", "abi-decode", "--revert", &panic]);
    assert_eq!(text, "kind  Panic\ncode  17\n");
    let event = "Transfer(address indexed from, address indexed to, uint256 amount)";
    let word = format!("0x{}07", "00".repeat(31));
    let topic = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
    let args = [
        "eth",
        "decode-log",
        event,
        "--topic",
        topic,
        "--topic",
        &word,
        "--topic",
        &word,
        "--data",
        &word,
    ];
    let seven = "0x0000000000000000000000000000000000000007";
    assert_eq!(answer(&args), format!("[\"{seven}\",\"{seven}\",\"7\"]\n"));
}

/// What a contract says cannot drive the terminal.
#[test]
fn control_characters_are_escaped() {
    let data = format!(
        "0x08c379a0{}20{}03611b62{}",
        "00".repeat(31),
        "00".repeat(31),
        "00".repeat(29)
    );
    let text = answer(&["eth", "abi-decode", "--revert", &data]);
    assert_eq!(text, "kind    Error\nreason  a\\u{1b}b\n");
}
