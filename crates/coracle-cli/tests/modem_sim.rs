//! The modem that `modem-sim` runs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

mod support;
use support::{Folder, complaint, coracle};

/// A running command that has said where it listens.
struct Modem {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Modem {
    fn start(args: &[&str]) -> Self {
        let args = [&["modem-sim", "--listen", "tcp:127.0.0.1:0"], args].concat();
        let mut child = coracle(&args).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    /// The address after `name` on the next line.
    fn address(&mut self, name: &str) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        let (first, address) = line.trim_end().split_once(' ').unwrap();
        assert_eq!(first, name);
        address
            .trim_start()
            .strip_prefix("tcp:")
            .unwrap()
            .to_owned()
    }

    /// What it prints at the end, and that it ended well.
    fn rest(mut self) -> String {
        let mut text = String::new();
        self.out.read_to_string(&mut text).unwrap();
        assert!(self.child.wait().unwrap().success());
        text
    }
}

fn until(stream: &mut TcpStream, end: &str) {
    let mut got = Vec::new();
    let mut byte = [0];
    while !got.ends_with(end.as_bytes()) {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "{got:?}");
        got.push(byte[0]);
    }
}

#[test]
fn once_ends_with_its_client_and_reports() {
    let folder = Folder::new();
    let log = folder.text("log");
    let mut modem = Modem::start(&["--once", "--transcript", &log, "--tail", "5"]);
    let mut stream = TcpStream::connect(modem.address("uart")).unwrap();
    until(&mut stream, "\r\n+QIND: SMS DONE\r\n");
    stream.write_all(b"AT+CGMI\r").unwrap();
    until(&mut stream, "Quectel\r\n\r\nOK\r\n");
    drop(stream);
    let text = modem.rest();
    assert!(text.contains("radio on 0.000 s in 0 wake-ups"), "{text}");
    assert!(text.contains("tail 5.000 s"), "{text}");
    assert!(text.contains("commands"), "{text}");
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("> AT+CGMI"), "{log}");
}

#[test]
fn an_interrupt_ends_with_the_report() {
    let mut modem = Modem::start(&[
        "--dialect",
        "ublox",
        "--control",
        "tcp:127.0.0.1:0",
        "--off",
    ]);
    let uart = modem.address("uart");
    let mut pins = TcpStream::connect(modem.address("control")).unwrap();
    let mut stream = TcpStream::connect(uart).unwrap();
    pins.write_all(b"Pp").unwrap();
    // This dialect has no banner: ask until it answers.
    stream
        .set_read_timeout(Some(std::time::Duration::from_millis(50)))
        .unwrap();
    let mut buf = [0; 64];
    while !matches!(stream.read(&mut buf), Ok(1..)) {
        stream.write_all(b"AT\r").unwrap();
    }
    let id = modem.child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    assert!(modem.rest().contains("model connect 1.000 s"));
}

#[test]
fn names_lead_to_this_machine_and_faults_are_counted() {
    let map = "node.test:80=127.0.0.1:9";
    let mut modem = Modem::start(&["--once", "--map", map, "--faults", "1", "--payload-faults"]);
    let mut stream = TcpStream::connect(modem.address("uart")).unwrap();
    until(&mut stream, "R");
    drop(stream);
    modem.rest();
}

#[test]
fn what_it_cannot_do_is_a_complaint() {
    for args in [
        &["--dialect", "nokia"][..],
        &["--listen", "tcp:0.0.0.0:0"],
        &["--listen", "7000"],
        &["--map", "node.test=10.0.0.1:80"],
        &["--map", "node.test"],
        &["--sim", "pin:12"],
        &["--off"],
        &["--control", "pty"],
        &["--payload-faults"],
        &["--baud", "300"],
        &["--faults", "-1"],
        &["--transcript", "/there/is/no/such/folder/log"],
    ] {
        complaint(&[&["modem-sim"], args].concat());
    }
}
