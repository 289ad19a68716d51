//! What the modem hangs on: sockets, a terminal, control pins; several modems at once.

mod common;

use std::{
    fs::OpenOptions,
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    time::Duration,
};

use common::{Peer, Uart, ready, register, wait_for_answer};
use coracle_modem_sim::{Address, Config, Dialect, Handle, Listen, ModemSim, PowerOn};

fn pins(modem: &Handle) -> TcpStream {
    let Some(Address::Tcp(addr)) = modem.control_address() else {
        panic!("no control address");
    };
    TcpStream::connect(addr).unwrap()
}

fn with_pins(dialect: Dialect) -> Config {
    let mut config = Config::local(dialect);
    config.control = Some(Listen::Tcp(([127, 0, 0, 1], 0).into()));
    config
}

/// Waits for a line of the transcript; tests on events outside of the UART need it.
fn wait_for(modem: &Handle, text: &str, count: usize) {
    while modem.transcript().matches(text).count() < count {
        std::thread::yield_now();
    }
}

#[test]
fn the_power_key_switches_on_and_off() {
    let mut config = with_pins(Dialect::Quectel);
    config.power_on = PowerOn::PowerKey;
    let modem = ModemSim::start(config).unwrap();
    let mut uart = Uart::connect(modem.tcp().unwrap());
    let mut pins = pins(&modem);
    uart.write(b"AT\r");
    wait_for(&modem, "to a modem that is off", 1);
    pins.write_all(b"Pp").unwrap();
    uart.until("RDY\r\n");
    uart.until("SMS DONE\r\n");
    uart.ok("ATE0");
    pins.write_all(b"Pp").unwrap();
    assert_eq!(uart.until("N\r\n"), "\r\nPOWERED DOWN\r\n");
    pins.write_all(b"Pp").unwrap();
    assert_eq!(uart.until("RDY\r\n"), "\r\nRDY\r\n");
    assert_eq!(modem.counters().boots, 2);
}

#[test]
fn the_power_key_is_not_heard_while_the_modem_boots() {
    let mut config = with_pins(Dialect::Quectel);
    config.power_on = PowerOn::PowerKey;
    let modem = ModemSim::start(config).unwrap();
    let mut uart = Uart::connect(modem.tcp().unwrap());
    pins(&modem).write_all(b"PpPp").unwrap();
    uart.until("RDY\r\n");
    wait_for(&modem, "PWRKEY released", 2);
    assert!(uart.ask("ATE0").ends_with("\r\nOK\r\n"));
    assert_eq!(modem.counters().boots, 1);
}

#[test]
fn reset_restarts_when_it_is_released() {
    let (modem, mut uart) = ready(with_pins(Dialect::Quectel));
    let mut pins = pins(&modem);
    pins.write_all(b"R").unwrap();
    wait_for(&modem, "RESET asserted", 1);
    uart.write(b"AT\r");
    wait_for(&modem, "to a modem that is off", 2);
    pins.write_all(b"r").unwrap();
    assert_eq!(uart.until("RDY\r\n"), "\r\nRDY\r\n");
    assert_eq!(modem.counters().boots, 2);
}

#[test]
fn dtr_wakes_a_modem_that_may_sleep() {
    let sleepers = [
        (Dialect::Quectel, "AT+QSCLK=1"),
        (Dialect::Simcom, "AT+CSCLK=1"),
        (Dialect::Ublox, "AT+UPSV=3"),
    ];
    for (dialect, line) in sleepers {
        let (modem, mut uart) = ready(with_pins(dialect));
        let mut pins = pins(&modem);
        let before = modem.transcript().matches("off or asleep").count();
        uart.ok(line);
        assert_eq!(uart.ask("AT"), "\r\nOK\r\n", "DTR is asserted");
        pins.write_all(b"d").unwrap();
        wait_for(&modem, "DTR released", 1);
        uart.write(b"AT\r");
        wait_for(&modem, "off or asleep", before + 1);
        pins.write_all(b"D").unwrap();
        wait_for(&modem, "DTR asserted", 1);
        assert_eq!(uart.ask("AT"), "\r\nOK\r\n", "{dialect:?}");
    }
}

#[test]
fn other_bytes_on_the_control_wire_mean_nothing() {
    let (modem, mut uart) = ready(with_pins(Dialect::Quectel));
    let mut pins = pins(&modem);
    pins.write_all(b"\r\nxyz\0\xff").unwrap();
    pins.write_all(b"D").unwrap();
    wait_for(&modem, "DTR asserted", 1);
    assert_eq!(uart.ask("AT"), "\r\nOK\r\n");
    assert_eq!(modem.counters().boots, 1);
}

#[test]
fn a_client_that_comes_back_finds_the_modem_as_it_was() {
    let (modem, mut uart) = ready(Config::local(Dialect::Quectel));
    register(&mut uart);
    uart.ok("AT+QIACT=1");
    drop(uart);
    let mut uart = Uart::connect(modem.tcp().unwrap());
    assert!(uart.ok("AT+QIACT?").starts_with("+QIACT: 1,1,1,"));
    assert_eq!(modem.counters().boots, 1);
}

#[test]
fn a_unix_socket_is_removed_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("modem");
    let config = Config::new(Dialect::Simcom, Listen::Unix(path.clone()));
    let modem = ModemSim::start(config).unwrap();
    assert_eq!(
        modem.address().to_string(),
        format!("unix:{}", path.display())
    );
    let mut stream = UnixStream::connect(&path).unwrap();
    let mut banner = [0; 15];
    stream.read_exact(&mut banner).unwrap();
    assert_eq!(&banner, b"\r\n*ATREADY: 1\r\n");
    modem.stop();
    assert!(!path.exists());
    stream.read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn a_unix_socket_that_was_left_behind_is_taken_and_a_live_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("modem");
    // Dropping a listener leaves its file.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let config = Config::new(Dialect::Quectel, Listen::Unix(path.clone()));
    let _modem = ModemSim::start(config.clone()).unwrap();
    assert!(ModemSim::start(config).is_err());
    std::fs::write(folder.path().join("file"), "mine").unwrap();
    let file = Listen::Unix(folder.path().join("file"));
    assert!(ModemSim::start(Config::new(Dialect::Quectel, file)).is_err());
    assert!(folder.path().join("file").exists());
}

#[test]
fn a_terminal_is_raw() {
    let modem = ModemSim::start(Config::new(Dialect::Quectel, Listen::Pty)).unwrap();
    let Address::Pty(path) = modem.address() else {
        panic!("{}", modem.address());
    };
    let mut terminal = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut got = Vec::new();
    let mut read_until = |terminal: &mut std::fs::File, end: &[u8]| {
        let mut byte = [0];
        while !got.ends_with(end) {
            terminal.read_exact(&mut byte).unwrap();
            got.push(byte[0]);
        }
        std::mem::take(&mut got)
    };
    read_until(&mut terminal, b"SMS DONE\r\n");
    terminal.write_all(b"AT\r").unwrap();
    assert_eq!(read_until(&mut terminal, b"OK\r\n"), b"AT\r\r\nOK\r\n");
    modem.stop();
}

#[test]
fn addresses_elsewhere_are_refused() {
    let everywhere = Listen::Tcp(([0, 0, 0, 0], 0).into());
    assert!(ModemSim::start(Config::new(Dialect::Quectel, everywhere)).is_err());
    let mut config = Config::local(Dialect::Quectel);
    config.control = Some(Listen::Pty);
    assert!(ModemSim::start(config).is_err());
}

#[test]
fn nothing_but_this_machine_is_reached() {
    let (modem, mut uart) = ready(Config::local(Dialect::Quectel));
    register(&mut uart);
    uart.ok("AT+QIACT=1");
    uart.ok("AT+QIOPEN=1,0,\"TCP\",\"192.0.2.1\",80,0,0");
    uart.until("+QIOPEN: 0,566\r\n");
    uart.ok("AT+QIOPEN=1,1,\"TCP\",\"example.com\",80,0,0");
    uart.until("+QIOPEN: 1,565\r\n");
    let report = modem.report();
    assert!(report.connections.iter().all(|one| !one.connected));
}

#[test]
fn two_modems_do_not_meet() {
    let peers = [Peer::echo(), Peer::echo()];
    let mut modems = peers.each_ref().map(|peer| {
        let mut config = Config::local(Dialect::Quectel);
        config.names.add(peer.named("node.test"));
        ready(config)
    });
    for (number, (_, uart)) in (0..).zip(&mut modems) {
        register(uart);
        uart.ok("AT+QIACT=1");
        uart.ok("AT+QIOPEN=1,0,\"TCP\",\"node.test\",80,0,0");
        uart.until("+QIOPEN: 0,0\r\n");
        uart.ask(&format!("AT+QISENDEX=0,\"3{number}\""));
    }
    for (number, (modem, uart)) in (0..).zip(&mut modems) {
        uart.until("\"recv\",0\r\n");
        let want = format!("+QIRD: 1\r\n{number}");
        assert_eq!(uart.ok("AT+QIRD=0,1500"), want);
        assert_eq!(modem.report().connections.len(), 1);
    }
}

#[test]
fn every_socket_of_a_part_can_be_open() {
    let peers: Vec<Peer> = (0..12).map(|_| Peer::echo()).collect();
    let mut config = Config::local(Dialect::Quectel);
    for (number, peer) in peers.iter().enumerate() {
        config.names.add(peer.named(&format!("node{number}.test")));
    }
    let (_modem, mut uart) = ready(config);
    register(&mut uart);
    uart.ok("AT+QIACT=1");
    for id in 0..12 {
        let line = format!("AT+QIOPEN=1,{id},\"TCP\",\"node{id}.test\",80,0,0");
        uart.ok(&line);
        uart.until(&format!("+QIOPEN: {id},0\r\n"));
        uart.ask(&format!("AT+QISENDEX={id},\"4142\""));
        uart.until(&format!("\"recv\",{id}\r\n"));
    }
    for id in 0..12 {
        assert_eq!(uart.ok(&format!("AT+QIRD={id}")), "+QIRD: 2\r\nAB");
    }
    assert_eq!(
        uart.ok("AT+QISTATE?")
            .lines()
            .filter(|l| l.contains("TCP"))
            .count(),
        12
    );
}

#[test]
fn a_peer_that_floods_is_held_back_and_nothing_is_lost() {
    const SIZE: usize = 300_000;
    let sent: Vec<u8> = (0..SIZE)
        .map(|place| u8::try_from(place % 251).unwrap())
        .collect();
    let peer = Peer::say(sent.clone());
    let mut config = Config::local(Dialect::Quectel);
    config.names.add(peer.named("node.test"));
    let (modem, mut uart) = ready(config);
    register(&mut uart);
    uart.ok("AT+QIACT=1");
    uart.ok("AT+QIOPEN=1,0,\"TCP\",\"node.test\",80,0,0");
    uart.until("+QIOPEN: 0,0\r\n");
    let mut got = Vec::new();
    while got.len() < SIZE {
        uart.write(b"AT+QIRD=0,1500\r");
        uart.until("+QIRD: ");
        let count: usize = uart.until("\r\n").trim().parse().unwrap();
        got.extend(uart.bytes(count));
        uart.until("\r\nOK\r\n");
    }
    assert!(got == sent, "{} bytes", got.len());
    wait_for(&modem, "\"closed\",0", 1);
    assert_eq!(modem.report().connections[0].down, SIZE as u64);
}

#[test]
fn ublox_loses_data_that_does_not_wait_after_the_prompt() {
    let peer = Peer::echo();
    let mut config = Config::local(Dialect::Ublox);
    config.names.add(peer.named("node.test"));
    config.data_timeout = Duration::from_millis(100);
    let (modem, mut uart) = ready(config);
    register(&mut uart);
    uart.ok("AT+UPSDA=0,3");
    uart.ok("AT+USOCR=6");
    uart.ok("AT+USOCO=0,\"node.test\",80");
    uart.write(b"AT+USOWR=0,5\r");
    uart.write(b"hello");
    uart.until("\r\n@");
    uart.until("\r\nERROR\r\n");
    assert!(modem.transcript().contains("5 bytes too soon"));

    // A firmware waits 50 ms; this one by asking the clock of another command.
    uart.write(b"AT+USOWR=0,5\r");
    uart.until("\r\n@");
    std::thread::sleep(Duration::from_millis(50));
    uart.write(b"hello");
    assert_eq!(uart.until("OK\r\n"), "\r\n+USOWR: 0,5\r\n\r\nOK\r\n");
}

#[test]
fn pushed_data_comes_by_itself() {
    let peer = Peer::echo();
    let mut config = Config::local(Dialect::Quectel);
    config.names.add(peer.named("node.test"));
    let (_modem, mut uart) = ready(config);
    register(&mut uart);
    uart.ok("AT+QIACT=1");
    uart.ok("AT+QIOPEN=1,0,\"TCP\",\"node.test\",80,0,1");
    uart.until("+QIOPEN: 0,0\r\n");
    uart.ask("AT+QISENDEX=0,\"4142\"");
    let want = b"\r\n+QIURC: \"recv\",0,2\r\nAB\r\n";
    assert_eq!(uart.bytes(want.len()), want);
}

#[test]
fn the_transcript_forgets_and_the_file_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut config = Config::local(Dialect::Quectel);
    config.transcript_lines = 5;
    config.transcript_file = Some(path.clone());
    let (modem, mut uart) = ready(config);
    for _ in 0..20 {
        uart.ok("AT+CSQ");
    }
    let text = modem.transcript();
    assert_eq!(text.lines().count(), 6);
    assert!(text.starts_with('('));
    let file = std::fs::read_to_string(&path).unwrap();
    assert_eq!(file.matches("> AT+CSQ").count(), 20);
    assert!(!file.contains("forgotten"));
}

#[test]
fn a_report_counts_bytes_and_radio_time() {
    let peer = Peer::echo();
    let mut config = Config::local(Dialect::Quectel);
    config.names.add(peer.named("node.test"));
    let (modem, mut uart) = ready(config);
    register(&mut uart);
    assert_eq!(modem.report().radio.wakeups, 0);
    uart.ok("AT+QIACT=1");
    uart.ok("AT+QIOPEN=1,0,\"TCP\",\"node.test\",80,0,0");
    uart.until("+QIOPEN: 0,0\r\n");
    uart.ask("AT+QISENDEX=0,\"4142\"");
    uart.until("\"recv\",0\r\n");
    uart.ok("AT+QIRD=0");
    uart.ok("AT+QICLOSE=0");
    let report = modem.report();
    assert_eq!(report.radio.wakeups, 1);
    assert!(report.radio.on >= report.model.connect);
    let text = report.to_string();
    assert!(text.starts_with("connection node.test:80 at "), "{text}");
    assert!(text.contains("2 bytes up, 2 down\nradio on "), "{text}");
    assert!(text.ends_with("T3412 86400.000 s"), "{text}");
    wait_for_answer(&mut uart);
}
