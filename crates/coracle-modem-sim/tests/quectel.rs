//! Quectel sockets against real peers.

mod common;

use common::{Peer, Uart, config, ready, register};
use coracle_modem_sim::{Dialect, Handle};

fn online(peer: &Peer) -> (Handle, Uart) {
    let mut config = config(Dialect::Quectel);
    config.names.add(peer.named("node.test"));
    let (modem, mut uart) = ready(config);
    register(&mut uart);
    uart.ok("AT+QICSGP=1,1,\"internet\",\"\",\"\",0");
    uart.ok("AT+QIACT=1");
    (modem, uart)
}

#[test]
fn bytes_go_to_the_peer_and_back() {
    let peer = Peer::echo();
    let (modem, mut uart) = online(&peer);
    uart.ok("AT+QIOPEN=1,0,\"TCP\",\"node.test\",8545,0,0");
    uart.until("\r\n+QIOPEN: 0,0\r\n");

    uart.write(b"AT+QISEND=0,5\r");
    uart.until("\r\n> ");
    uart.write(b"he\rlo");
    assert_eq!(uart.until("OK\r\n"), "\r\nSEND OK\r\n");
    uart.until("\r\n+QIURC: \"recv\",0\r\n");

    uart.write(b"AT+QIRD=0,1500\r");
    assert_eq!(uart.until("OK\r\n"), "\r\n+QIRD: 5\r\nhe\rlo\r\n\r\nOK\r\n");
    assert_eq!(uart.ok("AT+QIRD=0,1500"), "+QIRD: 0");
    assert_eq!(uart.ok("AT+QIRD=0,0"), "+QIRD: 5,5,0");
    assert_eq!(uart.ok("AT+QISEND=0,0"), "+QISEND: 5,5,0");
    uart.ok("AT+QICLOSE=0");
    let report = modem.report().connections;
    assert_eq!((report[0].up, report[0].down), (5, 5));
    assert!(report[0].connected && !report[0].is_open);
}
