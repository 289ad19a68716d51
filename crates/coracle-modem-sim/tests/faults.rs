//! Every kind of fault fires, and a firmware can see it.

mod common;

use std::{
    io::{Read, Write},
    time::Duration,
};

use common::{Peer, Uart, ready, register};
use coracle_modem_sim::{Config, Dialect, Fault, FaultKind, Faults, Handle, ModemSim, lookalikes};

fn start(dialect: Dialect, fault: Fault, peer: Option<&Peer>) -> (Handle, Uart) {
    let mut config = Config::local(dialect);
    config.faults = Faults::none().with(fault);
    if let Some(peer) = peer {
        config.names.add(peer.named("node.test"));
    }
    ready(config)
}

/// A Quectel modem and one fault, which waits for its command.
fn quectel(fault: Fault) -> (Handle, Uart) {
    start(Dialect::Quectel, fault, None)
}

/// A Quectel modem with socket 0 open.
fn connected(fault: Fault, peer: &Peer) -> (Handle, Uart) {
    let (modem, mut uart) = start(Dialect::Quectel, fault, Some(peer));
    register(&mut uart);
    uart.ok("AT+QIACT=1");
    uart.ok("AT+QIOPEN=1,0,\"TCP\",\"node.test\",80,0,0");
    uart.until("+QIOPEN: 0,0\r\n");
    (modem, uart)
}

fn send(uart: &mut Uart, bytes: &[u8]) -> String {
    uart.write(format!("AT+QISEND=0,{}\r", bytes.len()).as_bytes());
    uart.until("\r\n> ");
    uart.write(bytes);
    uart.until("\r\n");
    uart.until("\r\n").trim().to_owned()
}

fn fired_once(modem: &Handle, kind: FaultKind) {
    assert_eq!(modem.counters().fired(kind), 1, "{kind:?}");
    assert!(modem.transcript().contains(&format!("! {kind:?}")));
}

#[test]
fn pacing_faults_change_no_byte() {
    for kind in [FaultKind::Late, FaultKind::OneByte, FaultKind::Burst] {
        let (modem, mut uart) = quectel(Fault::once(kind).on("AT+CSQ"));
        assert_eq!(uart.ask("AT+CSQ"), "\r\n+CSQ: 20,99\r\n\r\nOK\r\n");
        fired_once(&modem, kind);
    }
}

#[test]
fn a_line_starts_with_two_returns() {
    let (modem, mut uart) = quectel(Fault::once(FaultKind::CrCrLf).on("AT+CSQ"));
    assert_eq!(uart.ask("AT+CSQ"), "\r\r\n+CSQ: 20,99\r\n\r\nOK\r\n");
    fired_once(&modem, FaultKind::CrCrLf);
}

#[test]
fn unsolicited_lines_stand_at_every_boundary() {
    let peer = Peer::echo();
    let (_modem, mut uart) = connected(
        Fault::once(FaultKind::UrcBetween).times(3).on("AT+QIRD"),
        &peer,
    );
    send(&mut uart, b"hello");
    uart.until("\"recv\",0\r\n");
    uart.write(b"AT+QIRD=0,1500\r");
    let answer = uart.until("OK\r\n") + &uart.until("\r\n") + &uart.until("\r\n");
    let place = |text: &str| answer.find(text).unwrap_or_else(|| panic!("{answer:?}"));
    let (data, ok) = (place("+QIRD: 5\r\nhello\r\n"), place("\r\nOK\r\n"));
    assert!(data > 2, "nothing before the data: {answer:?}");
    let between = &answer[data + "+QIRD: 5\r\nhello\r\n".len()..ok];
    assert!(between.len() > 2, "nothing between: {answer:?}");
    assert!(
        answer.len() > ok + 6,
        "nothing after the result: {answer:?}"
    );
}

#[test]
fn noise_comes_before_the_banner() {
    let mut config = Config::local(Dialect::Quectel);
    config.faults = Faults::none().with(Fault::once(FaultKind::BootGarbage));
    let modem = ModemSim::start(config).unwrap();
    let mut uart = Uart::connect(modem.tcp().unwrap());
    let banner = uart.until_bytes(b"\r\nRDY\r\n");
    assert!(banner.len() > 7 && banner[0] == 0);
}

#[test]
fn echo_comes_back() {
    let (modem, mut uart) = quectel(Fault::once(FaultKind::EchoOn).on("AT+CSQ"));
    uart.ok("AT+CSQ");
    assert_eq!(uart.ask("AT"), "AT\r\r\nOK\r\n");
    fired_once(&modem, FaultKind::EchoOn);
}

#[test]
fn a_line_loses_a_byte() {
    let (modem, mut uart) = quectel(Fault::once(FaultKind::LineDrop).on("AT+CGSN"));
    uart.write(b"AT+CGSN\rAT+CSQ\r");
    let answer = uart.until("+CSQ: 20,99\r\n");
    let whole = "\r\n490154203237518\r\n\r\nOK\r\n\r\n+CSQ: 20,99\r\n";
    assert_eq!(answer.len(), whole.len() - 1);
    fired_once(&modem, FaultKind::LineDrop);
}

#[test]
fn a_line_has_a_bit_flipped() {
    let (modem, mut uart) = quectel(Fault::once(FaultKind::LineFlip).on("AT+CGSN"));
    uart.write(b"AT+CGSN\rAT+CSQ\r");
    let answer = uart.until_bytes(b"+CSQ: 20,99\r\n");
    let whole = b"\r\n490154203237518\r\n\r\nOK\r\n\r\n+CSQ: 20,99\r\n";
    let differing = answer.iter().zip(whole).map(|(a, b)| (a ^ b).count_ones());
    assert_eq!(differing.sum::<u32>(), 1);
    fired_once(&modem, FaultKind::LineFlip);
}

#[test]
fn commands_are_damaged_on_their_way() {
    for kind in [FaultKind::CommandDrop, FaultKind::CommandFlip] {
        let (modem, mut uart) = quectel(Fault::once(kind).times(20).on("AT+CGSN"));
        let mut understood = 0;
        for _ in 0..20 {
            uart.write(b"AT+CGSN\r");
            uart.write(b"AT+CSQ\r");
            let answer = uart.until("+CSQ: 20,99\r\n\r\nOK\r\n");
            understood += usize::from(answer.contains("490154203237518"));
        }
        assert_eq!(modem.counters().fired(kind), 20);
        // Some bits change only the case of a letter.
        assert!(understood < 10, "{kind:?}: {understood}");
    }
}

#[test]
fn received_data_is_damaged_on_the_uart() {
    for kind in [FaultKind::PayloadDrop, FaultKind::PayloadFlip] {
        let peer = Peer::echo();
        let (modem, mut uart) = connected(Fault::once(kind), &peer);
        assert_eq!(send(&mut uart, &[0x55; 100]), "SEND OK");
        uart.until("\"recv\",0\r\n");
        uart.write(b"AT+QIRD=0,1500\r");
        uart.until("+QIRD: 100\r\n");
        let data = uart.until_bytes(b"\r\n\r\nOK\r\n");
        let data = &data[..data.len() - 8];
        let is_flip = kind == FaultKind::PayloadFlip;
        assert_eq!(data.len(), if is_flip { 100 } else { 99 }, "{kind:?}");
        assert_eq!(data.iter().any(|byte| *byte != 0x55), is_flip, "{kind:?}");
        fired_once(&modem, kind);
    }
}

#[test]
fn data_to_send_is_damaged_on_the_uart() {
    let peer = Peer::start(|mut stream| {
        let mut got = [0; 100];
        stream.read_exact(&mut got).unwrap();
        let ones: u32 = got.iter().map(|byte| byte.count_ones()).sum();
        assert_eq!(ones, 1);
    });
    let (modem, mut uart) = connected(Fault::once(FaultKind::UploadFlip), &peer);
    assert_eq!(send(&mut uart, &[0; 100]), "SEND OK");
    peer.join();
    fired_once(&modem, FaultKind::UploadFlip);
}

#[test]
fn a_command_is_ignored() {
    let (modem, mut uart) = quectel(Fault::once(FaultKind::Silence).on("AT+CGSN"));
    uart.write(b"AT+CGSN\r");
    assert_eq!(uart.ask("AT+CSQ"), "\r\n+CSQ: 20,99\r\n\r\nOK\r\n");
    fired_once(&modem, FaultKind::Silence);
}

#[test]
fn a_command_is_refused() {
    let (modem, mut uart) = quectel(Fault::once(FaultKind::CmeError).on("AT+CSQ"));
    assert!(uart.ask("AT+CSQ").starts_with("\r\n+CME ERROR: "));
    assert_eq!(uart.ok("AT+CSQ"), "+CSQ: 20,99");
    fired_once(&modem, FaultKind::CmeError);
}

#[test]
fn the_prompt_is_lost_and_the_data_is_taken() {
    let peer = Peer::echo();
    let (modem, mut uart) = connected(Fault::once(FaultKind::MissingPrompt), &peer);
    uart.write(b"AT+QISEND=0,5\r");
    uart.write(b"hello");
    assert_eq!(uart.until("OK\r\n"), "\r\nSEND OK\r\n");
    fired_once(&modem, FaultKind::MissingPrompt);
}

#[test]
fn announced_data_that_never_comes_is_given_up() {
    let peer = Peer::echo();
    let mut config = Config::local(Dialect::Quectel);
    config.names.add(peer.named("node.test"));
    config.data_timeout = Duration::from_millis(30);
    let (_modem, mut uart) = ready(config);
    register(&mut uart);
    uart.ok("AT+QIACT=1");
    uart.ok("AT+QIOPEN=1,0,\"TCP\",\"node.test\",80,0,0");
    uart.until("+QIOPEN: 0,0\r\n");
    uart.write(b"AT+QISEND=0,50\r");
    uart.until("\r\n> ");
    uart.write(b"AT\r");
    uart.until("\r\nERROR\r\n");
    assert_eq!(uart.ok("AT+QISEND=0,0"), "+QISEND: 0,0,0");
}

#[test]
fn sending_fails_and_nothing_is_sent() {
    let peer = Peer::echo();
    let (modem, mut uart) = connected(Fault::once(FaultKind::SendFail), &peer);
    assert_eq!(send(&mut uart, b"hello"), "SEND FAIL");
    assert_eq!(uart.ok("AT+QISEND=0,0"), "+QISEND: 0,0,0");
    assert_eq!(send(&mut uart, b"hello"), "SEND OK");
    fired_once(&modem, FaultKind::SendFail);
}

#[test]
fn less_is_sent_than_asked() {
    let peer = Peer::echo();
    let fault = Fault::once(FaultKind::ShortWrite);
    let (modem, mut uart) = start(Dialect::Simcom, fault, Some(&peer));
    register(&mut uart);
    uart.ok("AT+NETOPEN");
    uart.ok("AT+CIPRXGET=1");
    uart.ok("AT+CIPOPEN=0,\"TCP\",\"node.test\",80");
    uart.until("+CIPOPEN: 0,0\r\n");
    uart.write(b"AT+CIPSEND=0,1000\r");
    uart.until("\r\n>");
    uart.write(&[7; 1000]);
    uart.until("+CIPSEND: 0,1000,");
    let sent: u32 = uart.until("\r\n").trim().parse().unwrap();
    assert!(sent < 1000);
    fired_once(&modem, FaultKind::ShortWrite);
}

#[test]
fn less_is_sent_than_asked_by_ublox() {
    let peer = Peer::echo();
    let fault = Fault::once(FaultKind::ShortWrite);
    let (_modem, mut uart) = start(Dialect::Ublox, fault, Some(&peer));
    register(&mut uart);
    uart.ok("AT+UPSDA=0,3");
    uart.ok("AT+USOCR=6");
    uart.ok("AT+USOCO=0,\"node.test\",80");
    let text = "x".repeat(1000);
    let answer = uart.ok(&format!("AT+USOWR=0,1000,\"{text}\""));
    let sent: u32 = answer.rsplit(',').next().unwrap().parse().unwrap();
    assert!(sent < 1000);
}

#[test]
fn a_restart_loses_the_state() {
    let peer = Peer::echo();
    let (modem, mut uart) = connected(Fault::once(FaultKind::Reset).on("AT+CSQ"), &peer);
    uart.write(b"AT+CSQ\r");
    uart.until("\r\nRDY\r\n");
    uart.until("+QIND: SMS DONE\r\n");
    assert_eq!(
        uart.ask("AT+QIACT?"),
        "AT+QIACT?\r\r\nOK\r\n",
        "echo, no context"
    );
    uart.ok("ATE0");
    assert_eq!(uart.ask("AT+QISEND=0,5"), "\r\nERROR\r\n");
    assert_eq!(modem.counters().boots, 2);
    assert!(!modem.report().connections[0].is_open);
    fired_once(&modem, FaultKind::Reset);
}

#[test]
fn the_data_connection_is_lost() {
    let peer = Peer::echo();
    let (modem, mut uart) = connected(Fault::once(FaultKind::PdpLoss).on("AT+CSQ"), &peer);
    uart.ok("AT+CSQ");
    uart.until("+QIURC: \"pdpdeact\",1\r\n");
    assert_eq!(uart.ask("AT+QISEND=0,5"), "\r\nERROR\r\n");
    uart.ok("AT+QIDEACT=1");
    uart.ok("AT+QIACT=1");
    fired_once(&modem, FaultKind::PdpLoss);
}

#[test]
fn the_network_is_lost_and_comes_back() {
    let peer = Peer::echo();
    let fault = Fault::once(FaultKind::RegistrationLoss).on("AT+CSQ");
    let (modem, mut uart) = connected(fault, &peer);
    uart.write(b"AT+CSQ\r");
    uart.until("+CEREG: 2\r\n");
    uart.until("+QIURC: \"pdpdeact\",1\r\n");
    uart.until("+CEREG: 1\r\n");
    assert_eq!(
        uart.ask("AT+QIACT=1"),
        "\r\nERROR\r\n",
        "it is not given up"
    );
    uart.ok("AT+QIDEACT=1");
    uart.ok("AT+QIACT=1");
    fired_once(&modem, FaultKind::RegistrationLoss);
}

#[test]
fn a_connection_ends_before_it_is_read() {
    let peer = Peer::echo();
    let (modem, mut uart) = connected(Fault::once(FaultKind::CloseBeforeRead), &peer);
    send(&mut uart, b"hello");
    assert_eq!(uart.until("0\r\n"), "\r\n+QIURC: \"closed\",0\r\n");
    let answer = uart.ok("AT+QIRD=0,1500");
    assert_eq!(answer, "+QIRD: 5\r\nhello");
    fired_once(&modem, FaultKind::CloseBeforeRead);
}

#[test]
fn received_data_is_not_announced_until_all_is_read() {
    let peer = Peer::echo();
    let (modem, mut uart) = connected(Fault::once(FaultKind::RecvUrcLost), &peer);
    send(&mut uart, b"hello");
    while uart.ok("AT+QIRD=0,0") != "+QIRD: 5,0,5" {}
    send(&mut uart, b"again");
    while uart.ok("AT+QIRD=0,0") != "+QIRD: 10,0,10" {}
    assert_eq!(uart.ok("AT+QIRD=0,1500"), "+QIRD: 10\r\nhelloagain");
    send(&mut uart, b"third");
    assert_eq!(uart.until("0\r\n"), "\r\n+QIURC: \"recv\",0\r\n");
    fired_once(&modem, FaultKind::RecvUrcLost);
}

#[test]
fn connections_and_names_fail() {
    for (kind, code) in [
        (FaultKind::ConnectRefused, 566),
        (FaultKind::DnsFailure, 565),
    ] {
        let peer = Peer::echo();
        let (modem, mut uart) = start(Dialect::Quectel, Fault::once(kind), Some(&peer));
        register(&mut uart);
        uart.ok("AT+QIACT=1");
        uart.ok("AT+QIOPEN=1,0,\"TCP\",\"node.test\",80,0,0");
        uart.until(&format!("+QIOPEN: 0,{code}\r\n"));
        uart.ok("AT+QICLOSE=0");
        uart.ok("AT+QIOPEN=1,0,\"TCP\",\"node.test\",80,0,0");
        uart.until("+QIOPEN: 0,0\r\n");
        fired_once(&modem, kind);
    }
}

#[test]
fn payload_that_looks_like_the_modem_is_payload() {
    for payload in lookalikes(Dialect::Quectel) {
        let size = payload.len();
        let sent = payload.clone();
        let peer = Peer::start(move |mut stream| {
            stream.write_all(&sent).unwrap();
            stream.read_exact(&mut [0]).unwrap();
        });
        let (_modem, mut uart) = connected(Fault::once(FaultKind::Silence).times(0), &peer);
        while !uart.ok("AT+QIRD=0,0").ends_with(&format!(",{size}")) {}
        uart.write(b"AT+QIRD=0,1500\r");
        uart.until(&format!("+QIRD: {size}\r\n"));
        assert_eq!(uart.bytes(size), payload);
        assert_eq!(uart.until("OK\r\n"), "\r\n\r\nOK\r\n");
    }
}

#[test]
fn a_fault_can_be_added_while_the_modem_runs() {
    let (modem, mut uart) = quectel(Fault::once(FaultKind::Silence).times(0));
    uart.ok("AT+CSQ");
    modem.inject(Fault::once(FaultKind::CmeError).on("AT+CSQ"));
    assert!(uart.ask("AT+CSQ").starts_with("\r\n+CME ERROR: "));
    uart.ok("AT+CSQ");
}

/// A driver without finesse: any surprise ends the attempt, and the next one starts over.
fn attempt(uart: &mut Uart) -> Option<()> {
    uart.drain();
    uart.try_ask("ATE0", "\r\nOK\r\n")?;
    uart.try_ask("AT+QIDEACT=1", "\r\nOK\r\n")?;
    uart.try_ask("AT+QIACT=1", "\r\nOK\r\n")?;
    uart.try_ask(
        "AT+QIOPEN=1,0,\"TCP\",\"127.0.0.1\",%PORT%,0,0",
        "+QIOPEN: 0,0\r\n",
    )?;
    uart.try_ask("AT+QISEND=0,9", "> ")?;
    uart.try_ask("half-way", "\r\nSEND OK\r\n")?;
    (0..20).find_map(|_| uart.try_ask("AT+QIRD=0,1500", "+QIRD: 9\r\nhalf-way\r\r\n"))
}

#[test]
fn every_seed_lets_a_patient_driver_through() {
    for seed in 0..12 {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                std::thread::spawn(move || {
                    let mut buf = [0; 64];
                    while let Ok(count @ 1..) = stream.read(&mut buf) {
                        let _ = stream.write_all(&buf[..count]);
                    }
                });
            }
        });
        let mut config = Config::local(Dialect::Quectel);
        config.data_timeout = Duration::from_millis(40);
        config.faults = Faults::from_seed(seed)
            .with_payload_corruption()
            .delay(5)
            .outage(10);
        let modem = ModemSim::start(config).unwrap();
        let mut uart = Uart::connect(modem.tcp().unwrap());
        uart.port = port;
        let through = (0..300).filter_map(|_| attempt(&mut uart)).take(3).count();
        assert_eq!(through, 3, "seed {seed}\n{}", modem.transcript());
    }
}
