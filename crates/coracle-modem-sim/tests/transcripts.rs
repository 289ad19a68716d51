//! Replays the transcripts of `tests/vectors/modem`; their README has the format.

mod common;

use std::{
    collections::HashMap,
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use common::{Peer, Uart, ready, register};
use coracle_modem_sim::{Config, Name, RegistrationOutcome};

struct Transcript {
    head: HashMap<String, String>,
    steps: Vec<(usize, Step)>,
}

enum Step {
    Send(Vec<u8>),
    Expect(Vec<u8>),
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/modem")
}

fn unescape(text: &str) -> Vec<u8> {
    let pairs = [("\\r", "\r"), ("\\n", "\n"), ("\\\"", "\"")];
    let text = pairs
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    text.replace("\\\\", "\\").into_bytes()
}

fn read(path: &Path) -> Transcript {
    let text = fs::read_to_string(path).unwrap();
    let mut head = HashMap::new();
    let mut steps = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let (sign, rest) = line.split_once(' ').unwrap();
        let step = match sign {
            "#" => {
                if let (Some((key, value)), true) = (rest.split_once(": "), steps.is_empty()) {
                    head.insert(key.to_owned(), value.to_owned());
                }
                continue;
            }
            ">" => Step::Send([rest.as_bytes(), b"\r"].concat()),
            ">>" => Step::Send(unescape(rest)),
            "<" => Step::Expect([b"\r\n", unescape(rest).as_slice(), b"\r\n"].concat()),
            "<<" => Step::Expect(unescape(rest)),
            _ => panic!("{path:?}:{number}: {line}"),
        };
        steps.push((number, step));
    }
    for key in ["dialect", "manual", "basis", "peer"] {
        assert!(head.contains_key(key), "{path:?}: no {key}");
    }
    Transcript { head, steps }
}

fn peer(text: &str) -> Option<Peer> {
    match text.split_once(' ') {
        None if text == "none" => None,
        None => {
            assert_eq!(text, "echo");
            Some(Peer::echo())
        }
        Some((_, say)) => {
            let say = unescape(say);
            Some(Peer::start(move |mut stream| {
                stream.read_exact(&mut [0]).unwrap();
                stream.write_all(&say).unwrap();
            }))
        }
    }
}

fn start(
    transcript: &Transcript,
    dialect: &str,
) -> (coracle_modem_sim::Handle, Uart, Option<Peer>) {
    let mut config = Config::local(dialect.parse().unwrap());
    let peer = peer(&transcript.head["peer"]);
    if let Some(peer) = &peer {
        config.names.add(peer.named("node.test"));
    }
    // The port was free a moment ago, and nobody listens there.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = Name::new("closed.test", None, closed.local_addr().unwrap());
    config.names.add(closed.unwrap());
    let head = |key: &str| transcript.head.get(key).map(String::as_str);
    if let Some(sim) = head("sim") {
        config.sim = sim.parse().unwrap();
    }
    if head("register") == Some("no") {
        config.registration.outcome = RegistrationOutcome::Searching;
    }
    let (modem, mut uart) = ready(config);
    if head("register") == Some("yes") {
        register(&mut uart);
        uart.ok("AT+CEREG=0");
    }
    (modem, uart, peer)
}

fn replay(path: &Path) {
    let transcript = read(path);
    for dialect in transcript.head["dialect"].split(' ') {
        let (modem, mut uart, _peer) = start(&transcript, dialect);
        for (number, step) in &transcript.steps {
            match step {
                Step::Send(bytes) => uart.write(bytes),
                Step::Expect(bytes) => {
                    let got = uart.bytes(bytes.len());
                    let (got, want) = (got.escape_ascii(), bytes.escape_ascii());
                    assert_eq!(
                        got.to_string(),
                        want.to_string(),
                        "{path:?}:{number} ({dialect})\n{}",
                        modem.transcript()
                    );
                }
            }
        }
        assert_eq!(uart.ask("AT"), "\r\nOK\r\n", "{path:?}: something is left");
    }
}

#[test]
fn transcripts_replay_byte_for_byte() {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "txt"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 11, "{paths:?}");
    for path in paths {
        replay(&path);
    }
}
