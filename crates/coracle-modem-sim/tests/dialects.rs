//! What the transcripts do not show: forms of the makers' commands with real peers.

mod common;

use std::{
    io::{Read, Write},
    sync::mpsc,
};

use common::{Peer, Uart, ready, register};
use coracle_modem_sim::{Config, Dialect, Fault, FaultKind, Faults, Handle};

fn start(dialect: Dialect, peer: &Peer, faults: Faults) -> (Handle, Uart) {
    let mut config = Config::local(dialect);
    config.names.add(peer.named("node.test"));
    config.faults = faults;
    let (modem, mut uart) = ready(config);
    register(&mut uart);
    (modem, uart)
}

fn quectel(peer: &Peer) -> (Handle, Uart) {
    let (modem, mut uart) = start(Dialect::Quectel, peer, Faults::none());
    uart.ok("AT+QIACT=1");
    uart.ok("AT+QIOPEN=1,0,\"TCP\",\"node.test\",80,0,0");
    uart.until("+QIOPEN: 0,0\r\n");
    (modem, uart)
}

fn simcom(peer: &Peer, faults: Faults) -> (Handle, Uart) {
    let (modem, mut uart) = start(Dialect::Simcom, peer, faults);
    uart.ok("AT+NETOPEN");
    uart.until("+NETOPEN: 0\r\n");
    uart.ok("AT+CIPOPEN=0,\"TCP\",\"node.test\",80");
    uart.until("+CIPOPEN: 0,0\r\n");
    (modem, uart)
}

fn ublox(peer: &Peer, faults: Faults) -> (Handle, Uart) {
    let (modem, mut uart) = start(Dialect::Ublox, peer, faults);
    uart.ok("AT+UPSDA=0,3");
    uart.until("+UUPSDA: 0,\"10.64.0.2\"\r\n");
    uart.ok("AT+USOCR=6");
    uart.ok("AT+USOCO=0,\"node.test\",80");
    (modem, uart)
}

/// A peer that tells what it got when the connection ends.
fn recorder() -> (Peer, mpsc::Receiver<Vec<u8>>) {
    let (told, got) = mpsc::channel();
    let peer = Peer::start(move |mut stream| {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        told.send(bytes).unwrap();
    });
    (peer, got)
}

#[test]
fn quectel_sends_up_to_ctrl_z_and_escape_takes_it_back() {
    let (peer, got) = recorder();
    let (_modem, mut uart) = quectel(&peer);
    uart.write(b"AT+QISEND=0\r");
    uart.until("\r\n> ");
    uart.write(b"never\x1b");
    assert_eq!(uart.until("OK\r\n"), "\r\nOK\r\n");
    uart.write(b"AT+QISEND=0\r");
    uart.until("\r\n> ");
    uart.write(b"sent\x1a");
    assert_eq!(uart.until("OK\r\n"), "\r\nSEND OK\r\n");
    uart.ok("AT+QICLOSE=0");
    assert_eq!(got.recv().unwrap(), b"sent");
}

#[test]
fn closing_sends_what_was_taken() {
    let (peer, got) = recorder();
    let (_modem, mut uart) = quectel(&peer);
    for _ in 0..10 {
        uart.write(b"AT+QISEND=0,1000\r");
        uart.until("\r\n> ");
        uart.write(&[b'x'; 1000]);
        uart.until("SEND OK\r\n");
    }
    uart.ok("AT+QICLOSE=0");
    assert_eq!(got.recv().unwrap().len(), 10_000);
}

#[test]
fn a_peer_that_does_not_read_fills_the_modem() {
    let (release, held) = mpsc::channel::<()>();
    let peer = Peer::start(move |stream| {
        // Until the test ends; then the stream goes.
        let _ = held.recv();
        drop(stream);
    });
    let (_modem, mut uart) = quectel(&peer);
    let mut failed = false;
    // The host's own buffers take some megabytes first.
    for _ in 0..20_000 {
        uart.write(b"AT+QISEND=0,1460\r");
        uart.until("\r\n> ");
        uart.write(&[b'x'; 1460]);
        uart.until("\r\n");
        if uart.until("\r\n") == "SEND FAIL\r\n" && !uart.ok("AT+QISEND=0,0").ends_with(",0") {
            failed = true;
            break;
        }
    }
    assert!(failed);
    drop(release);
}

#[test]
fn quectel_reads_in_hexadecimal_and_counts_bytes() {
    let peer = Peer::echo();
    let (_modem, mut uart) = quectel(&peer);
    uart.ok("AT+QICFG=\"dataformat\",0,1");
    uart.ask("AT+QISENDEX=0,\"00ff\"");
    uart.until("\"recv\",0\r\n");
    assert_eq!(uart.ok("AT+QIRD=0,1500"), "+QIRD: 2\r\n00FF");
}

#[test]
fn a_read_is_no_longer_than_asked() {
    let peer = Peer::echo();
    let (_modem, mut uart) = quectel(&peer);
    uart.ask("AT+QISENDEX=0,\"414243\"");
    uart.until("\"recv\",0\r\n");
    for (len, want) in [(1, "+QIRD: 1\r\nA"), (2, "+QIRD: 2\r\nBC"), (3, "+QIRD: 0")] {
        assert_eq!(uart.ok(&format!("AT+QIRD=0,{len}")), want);
    }
}

#[test]
fn files_are_kept_over_a_restart() {
    let peer = Peer::echo();
    let (_modem, mut uart) = quectel(&peer);
    assert_eq!(uart.ask("AT+QFDEL=\"ca.pem\""), "\r\n+CME ERROR: 405\r\n");
    uart.write(b"AT+QFUPL=\"UFS:ca.pem\",4\r");
    uart.until("\r\nCONNECT\r\n");
    uart.write(b"abcd");
    assert_eq!(uart.until("OK\r\n"), "\r\n+QFUPL: 4,206\r\n\r\nOK\r\n");
    assert_eq!(uart.ask("AT+QFUPL=\"ca.pem\",4"), "\r\n+CME ERROR: 407\r\n");
    uart.ok("AT+CFUN=1,1");
    uart.until("SMS DONE\r\n");
    uart.ask("ATE0");
    assert_eq!(uart.ok("AT+QFLST"), "+QFLST: \"ca.pem\",4");
    uart.write(b"AT+QFDWL=\"ca.pem\"\r");
    let got = uart.until("OK\r\n");
    assert_eq!(got, "\r\nCONNECT\r\nabcd\r\n+QFDWL: 4,206\r\n\r\nOK\r\n");
    uart.ok("AT+QFDEL=\"*\"");
    assert_eq!(uart.ok("AT+QFLST"), "");
}

#[test]
fn simcom_pushes_behind_two_headers_unless_told() {
    let peer = Peer::echo();
    let (_modem, mut uart) = simcom(&peer, Faults::none());
    uart.write(b"AT+CIPSEND=0,2\r");
    uart.until("\r\n>");
    uart.write(b"hi");
    uart.until("+CIPSEND: 0,2,2\r\n");
    let want = "\r\nRECV FROM:node.test:80\r\n+IPD2\r\nhi\r\n";
    assert_eq!(uart.bytes(want.len()), want.as_bytes());
}

#[test]
fn simcom_cch_pushes_unless_told() {
    let peer = Peer::echo();
    let (_modem, mut uart) = start(Dialect::Simcom, &peer, Faults::none());
    uart.ok("AT+CCHSTART");
    uart.until("+CCHSTART: 0\r\n");
    uart.ok("AT+CCHOPEN=1,\"node.test\",80,1");
    uart.until("+CCHOPEN: 1,0\r\n");
    uart.write(b"AT+CCHSEND=1,2\r");
    uart.until("\r\n>");
    uart.write(b"hi");
    let want = "\r\nOK\r\n\r\n+CCHRECV: DATA,1,2\r\nhi\r\n";
    assert_eq!(uart.bytes(want.len()), want.as_bytes());
}

#[test]
fn simcom_loses_its_network_with_the_context() {
    let peer = Peer::echo();
    let fault = Fault::once(FaultKind::PdpLoss).on("AT+CSQ");
    let (_modem, mut uart) = simcom(&peer, Faults::none().with(fault));
    uart.ok("AT+CCHSTART");
    uart.until("+CCHSTART: 0\r\n");
    uart.ok("AT+CSQ");
    uart.until("+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY\r\n");
    uart.until("+CCH: CCH STOP\r\n");
    assert_eq!(uart.ok("AT+NETOPEN?"), "+NETOPEN: 0");
    uart.ok("AT+NETOPEN");
    uart.until("+NETOPEN: 0\r\n");
}

#[test]
fn ublox_loses_its_sockets_with_the_context() {
    let peer = Peer::echo();
    let fault = Fault::once(FaultKind::PdpLoss).on("AT+CSQ");
    let (_modem, mut uart) = ublox(&peer, Faults::none().with(fault));
    uart.ok("AT+CSQ");
    uart.until("+UUSOCL: 0\r\n");
    uart.until("+UUPSDD: 0\r\n");
    assert_eq!(uart.ok("AT+UPSND=0,8"), "+UPSND: 0,8,0");
    assert_eq!(uart.ask("AT+USOCL=0"), "\r\nERROR\r\n");
}

#[test]
fn ublox_works_on_nothing_else_while_it_connects() {
    let peer = Peer::echo();
    let (_modem, mut uart) = start(Dialect::Ublox, &peer, Faults::none());
    uart.ok("AT+UPSDA=0,3");
    uart.until("+UUPSDA: 0,\"10.64.0.2\"\r\n");
    uart.ok("AT+USOCR=6");
    uart.write(b"AT+USOCO=0,\"node.test\",80\rAT+USOCTL=0,10\r");
    let answer = uart.until("+USOCTL: 0,10,4\r\n\r\nOK\r\n");
    assert_eq!(answer, "\r\nOK\r\n\r\n+USOCTL: 0,10,4\r\n\r\nOK\r\n");
}

#[test]
fn ublox_speaks_hexadecimal() {
    let peer = Peer::echo();
    let (_modem, mut uart) = ublox(&peer, Faults::none());
    uart.ok("AT+UDCONF=1,1");
    assert_eq!(uart.ok("AT+USOWR=0,2,\"00FF\""), "+USOWR: 0,2");
    uart.until("+UUSORD: 0,2\r\n");
    assert_eq!(uart.ok("AT+USORD=0,1024"), "+USORD: 0,2,\"00FF\"");
    assert_eq!(uart.ask("AT+USOWR=0,3,\"00FF\""), "\r\nERROR\r\n");
}

#[test]
fn each_part_has_so_many_sockets_and_no_more() {
    let peer = Peer::echo();
    let (_modem, mut uart) = start(Dialect::Ublox, &peer, Faults::none());
    for id in 0..7 {
        assert_eq!(uart.ok("AT+USOCR=6"), format!("+USOCR: {id}"));
    }
    assert_eq!(uart.ask("AT+USOCR=6"), "\r\nERROR\r\n");
    uart.ok("AT+USOCL=3");
    assert_eq!(uart.ok("AT+USOCR=6"), "+USOCR: 3");
    let (_modem, mut uart) = start(Dialect::Simcom, &peer, Faults::none());
    uart.ok("AT+NETOPEN");
    assert_eq!(
        uart.ask("AT+CIPOPEN=10,\"TCP\",\"node.test\",80"),
        "\r\n+NETOPEN: 0\r\n\r\nERROR\r\n"
    );
}

#[test]
fn a_reset_by_the_peer_is_the_end() {
    for dialect in [Dialect::Quectel, Dialect::Simcom, Dialect::Ublox] {
        let peer = Peer::start(|mut stream| {
            stream.read_exact(&mut [0]).unwrap();
            stream.write_all(b"last words").unwrap();
        });
        match dialect {
            Dialect::Quectel => {
                let (_modem, mut uart) = quectel(&peer);
                uart.ask("AT+QISENDEX=0,\"414243\"");
                uart.until("+QIURC: \"closed\",0\r\n");
                assert_eq!(uart.ok("AT+QIRD=0,1500"), "+QIRD: 10\r\nlast words");
            }
            Dialect::Simcom => {
                let (_modem, mut uart) = simcom(&peer, Faults::none());
                uart.ok("AT+CIPRXGET=1");
                uart.write(b"AT+CIPSEND=0,3\r");
                uart.until("\r\n>");
                uart.write(b"abc");
                uart.until("+IPCLOSE: 0,1\r\n");
                let data = uart.ok("AT+CIPRXGET=2,0,100");
                assert_eq!(data, "+CIPRXGET: 2,0,10,0\r\nlast words");
            }
            Dialect::Ublox => {
                let (_modem, mut uart) = ublox(&peer, Faults::none());
                uart.ok("AT+USOWR=0,3,\"abc\"");
                uart.until("+UUSORD: 0,10\r\n");
                assert_eq!(uart.ok("AT+USORD=0,100"), "+USORD: 0,10,\"last words\"");
                uart.until("+UUSOCL: 0\r\n");
            }
        }
    }
}
