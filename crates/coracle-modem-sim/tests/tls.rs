//! TLS by the modem, against rustls servers with certificates of the test's own.

mod common;

use std::{
    io::{Read, Write},
    sync::Arc,
};

use common::{Peer, Uart, ready, register};
use coracle_modem_sim::{Config, Dialect, Handle};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig, ServerConnection, Stream,
    pki_types::{PrivateKeyDer, pem::PemObject},
};

/// An authority and a server that it vouches for.
struct Pki {
    ca: String,
    server: Arc<ServerConfig>,
}

fn pki(name: &str, last_year: i32) -> Pki {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
    leaf.not_before = date_time_ymd(2020, 1, 1);
    leaf.not_after = date_time_ymd(last_year, 1, 1);
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    Pki {
        ca: ca_pem,
        server: Arc::new(server),
    }
}

/// Answers five bytes with `echo:` and these; a handshake that fails ends it.
fn server(config: Arc<ServerConfig>) -> Peer {
    Peer::start(move |mut tcp| {
        let mut tls = ServerConnection::new(config).unwrap();
        let mut stream = Stream::new(&mut tls, &mut tcp);
        let mut bytes = [0; 5];
        if stream.read_exact(&mut bytes).is_ok() {
            stream.write_all(b"echo:").unwrap();
            stream.write_all(&bytes).unwrap();
            stream.conn.send_close_notify();
            stream.flush().unwrap();
        }
    })
}

/// What the firmware configures.
#[derive(Clone, Copy)]
struct Client<'a> {
    ca: &'a str,
    verifies: bool,
    checks_name: bool,
    checks_time: bool,
}

impl<'a> Client<'a> {
    fn strict(ca: &'a str) -> Self {
        Self {
            ca,
            verifies: true,
            checks_name: true,
            checks_time: true,
        }
    }
}

fn online(dialect: Dialect, peer: &Peer) -> (Handle, Uart) {
    let mut config = Config::local(dialect);
    config.names.add(peer.named("node.test"));
    let (modem, mut uart) = ready(config);
    register(&mut uart);
    (modem, uart)
}

/// Opens; what the modem says about it.
fn open(dialect: Dialect, uart: &mut Uart, client: Client<'_>) -> String {
    match dialect {
        Dialect::Quectel => open_quectel(uart, client),
        Dialect::Simcom => open_simcom(uart, client),
        Dialect::Ublox => open_ublox(uart, client),
    }
}

fn open_quectel(uart: &mut Uart, client: Client<'_>) -> String {
    uart.ok("AT+QICSGP=1,1,\"internet\"");
    uart.ok("AT+QIACT=1");
    uart.write(format!("AT+QFUPL=\"UFS:ca.pem\",{}\r", client.ca.len()).as_bytes());
    uart.until("\r\nCONNECT\r\n");
    uart.write(client.ca.as_bytes());
    uart.until("\r\n\r\nOK\r\n");
    let (level, name) = (u8::from(client.verifies), u8::from(client.checks_name));
    let ignores = u8::from(!client.checks_time);
    uart.ok("AT+QSSLCFG=\"cacert\",1,\"UFS:ca.pem\"");
    uart.ok(&format!("AT+QSSLCFG=\"seclevel\",1,{level}"));
    uart.ok("AT+QSSLCFG=\"sni\",1,1");
    uart.ok(&format!("AT+QSSLCFG=\"checkhost\",1,{name}"));
    uart.ok(&format!("AT+QSSLCFG=\"ignorelocaltime\",1,{ignores}"));
    uart.ok("AT+QSSLOPEN=1,1,4,\"node.test\",443,0");
    uart.until("+QSSLOPEN: 4,");
    uart.until("\r\n").trim().to_owned()
}

fn open_simcom(uart: &mut Uart, client: Client<'_>) -> String {
    uart.write(format!("AT+CCERTDOWN=\"ca.pem\",{}\r", client.ca.len()).as_bytes());
    uart.until("\r\n>");
    uart.write(client.ca.as_bytes());
    uart.until("\r\nOK\r\n");
    let (mode, sni) = (u8::from(client.verifies), u8::from(client.checks_name));
    let ignores = u8::from(!client.checks_time);
    uart.ok("AT+CSSLCFG=\"cacert\",0,\"ca.pem\"");
    uart.ok(&format!("AT+CSSLCFG=\"authmode\",0,{mode}"));
    uart.ok(&format!("AT+CSSLCFG=\"enableSNI\",0,{sni}"));
    uart.ok(&format!("AT+CSSLCFG=\"ignorelocaltime\",0,{ignores}"));
    uart.ok("AT+CCHSET=1,1");
    uart.ok("AT+CCHSTART");
    uart.until("+CCHSTART: 0\r\n");
    uart.ok("AT+CCHSSLCFG=0,0");
    uart.ok("AT+CCHOPEN=0,\"node.test\",443,2");
    uart.until("+CCHOPEN: 0,");
    uart.until("\r\n").trim().to_owned()
}

fn open_ublox(uart: &mut Uart, client: Client<'_>) -> String {
    uart.ok("AT+UPSDA=0,3");
    uart.until("+UUPSDA: 0,");
    uart.write(format!("AT+USECMNG=0,0,\"root\",{}\r", client.ca.len()).as_bytes());
    uart.until("\r\n>");
    uart.write(client.ca.as_bytes());
    uart.until("\r\n\r\nOK\r\n");
    let level = match client {
        Client {
            verifies: false, ..
        } => 0,
        Client {
            checks_name: false, ..
        } => 1,
        Client {
            checks_time: false, ..
        } => 2,
        _ => 3,
    };
    uart.ok("AT+USECPRF=0");
    uart.ok("AT+USECPRF=0,3,\"root\"");
    uart.ok(&format!("AT+USECPRF=0,0,{level}"));
    uart.ok("AT+USECPRF=0,10,\"node.test\"");
    uart.ok("AT+USOCR=6");
    uart.ok("AT+USOSEC=0,1,0");
    let answer = uart.ask("AT+USOCO=0,\"node.test\",443,0");
    answer.trim().to_owned()
}

/// The answer to an open that worked.
fn is_open(dialect: Dialect, answer: &str) -> bool {
    match dialect {
        Dialect::Ublox => answer == "OK",
        Dialect::Quectel | Dialect::Simcom => answer == "0",
    }
}

/// The answer where the server was refused.
fn refusal(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Quectel => "566",
        Dialect::Simcom => "15",
        Dialect::Ublox => "ERROR",
    }
}

/// Sends five bytes, reads ten, and the end.
fn exchange(dialect: Dialect, uart: &mut Uart) {
    match dialect {
        Dialect::Quectel => {
            uart.write(b"AT+QSSLSEND=4,5\r");
            uart.until("\r\n> ");
            uart.write(b"hello");
            uart.until("SEND OK\r\n");
            uart.until("+QSSLURC: \"recv\",4\r\n");
            uart.until("+QSSLURC: \"closed\",4\r\n");
            uart.write(b"AT+QSSLRECV=4,1500\r");
            let answer = uart.until("OK\r\n");
            assert_eq!(answer, "\r\n+QSSLRECV: 10\r\necho:hello\r\n\r\nOK\r\n");
            uart.ok("AT+QSSLCLOSE=4");
        }
        Dialect::Simcom => {
            uart.write(b"AT+CCHSEND=0,5\r");
            uart.until("\r\n>");
            uart.write(b"hello");
            uart.until("+CCHSEND: 0,0\r\n");
            uart.until("+CCHEVENT: 0,RECV EVENT\r\n");
            uart.until("+CCH_PEER_CLOSED: 0\r\n");
            uart.write(b"AT+CCHRECV=0,2048\r");
            uart.until("+CCHRECV: DATA,0,10\r\necho:hello\r\n+CCHRECV: 0,0\r\n");
        }
        Dialect::Ublox => {
            uart.ok("AT+USOWR=0,5,\"hello\"");
            uart.until("+UUSORD: 0,");
            uart.until("\r\n");
            let mut got = String::new();
            while got.len() < 10 {
                let answer = uart.ok("AT+USORD=0,1024");
                got += answer.split('"').nth(1).unwrap();
            }
            assert_eq!(got, "echo:hello");
            uart.until("+UUSOCL: 0\r\n");
        }
    }
}

const DIALECTS: [Dialect; 3] = [Dialect::Quectel, Dialect::Simcom, Dialect::Ublox];

fn opens(pki: &Pki, client: impl Fn(Dialect) -> Client<'static>) {
    for dialect in DIALECTS {
        let peer = server(Arc::clone(&pki.server));
        let (modem, mut uart) = online(dialect, &peer);
        let answer = open(dialect, &mut uart, client(dialect));
        let said = modem.transcript();
        assert!(is_open(dialect, &answer), "{dialect:?}: {answer}\n{said}");
        exchange(dialect, &mut uart);
        let report = modem.report();
        assert!(report.connections[0].tls);
        assert_eq!(
            (report.connections[0].up, report.connections[0].down),
            (5, 10)
        );
    }
}

fn refused(pki: &Pki, client: Client<'_>) {
    for dialect in DIALECTS {
        let peer = server(Arc::clone(&pki.server));
        let (modem, mut uart) = online(dialect, &peer);
        let answer = open(dialect, &mut uart, client);
        let said = modem.transcript();
        assert_eq!(answer, refusal(dialect), "{dialect:?}\n{said}");
        assert!(!modem.report().connections[0].connected);
    }
}

fn leak(text: &str) -> &'static str {
    text.to_owned().leak()
}

#[test]
fn a_server_of_the_uploaded_authority_is_taken() {
    let pki = pki("node.test", 2099);
    let ca = leak(&pki.ca);
    opens(&pki, |_| Client::strict(ca));
}

#[test]
fn a_server_of_another_authority_is_refused() {
    let other = pki("node.test", 2099);
    refused(&pki("node.test", 2099), Client::strict(&other.ca));
}

#[test]
fn a_server_of_another_name_is_refused() {
    let pki = pki("other.test", 2099);
    refused(&pki, Client::strict(&pki.ca));
}

#[test]
fn an_expired_server_is_refused() {
    let pki = pki("node.test", 2021);
    refused(&pki, Client::strict(&pki.ca));
}

#[test]
fn a_name_is_not_checked_unless_told() {
    let pki = pki("other.test", 2099);
    let ca = leak(&pki.ca);
    opens(&pki, |_| Client {
        checks_name: false,
        checks_time: false,
        ..Client::strict(ca)
    });
}

#[test]
fn dates_are_not_checked_unless_told() {
    let pki = pki("node.test", 2021);
    let ca = leak(&pki.ca);
    opens(&pki, |_| Client {
        checks_time: false,
        ..Client::strict(ca)
    });
}

#[test]
fn nothing_is_checked_at_the_lowest_level() {
    let pki = pki("other.test", 2021);
    let other = leak(&self::pki("x.test", 2099).ca);
    opens(&pki, |_| Client {
        verifies: false,
        ..Client::strict(other)
    });
}

#[test]
fn a_server_that_asks_gets_the_certificate_of_the_device() {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_cert = ca.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(ca, ca_key);
    let [server_key, device_key] = [(), ()].map(|()| KeyPair::generate().unwrap());
    let leaf = |name: &str, key| {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.signed_by(key, &issuer).unwrap()
    };
    let (server_cert, device_cert) = (leaf("node.test", &server_key), leaf("device", &device_key));

    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca_cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
        Arc::new(roots),
        Arc::clone(&provider),
    );
    let key = PrivateKeyDer::from_pem_slice(server_key.serialize_pem().as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![server_cert.der().clone()], key)
        .unwrap();
    let peer = server(Arc::new(config));
    let (_modem, mut uart) = online(Dialect::Quectel, &peer);
    uart.ok("AT+QIACT=1");
    let files = [
        ("cacert", ca_cert.pem()),
        ("clientcert", device_cert.pem()),
        ("clientkey", device_key.serialize_pem()),
    ];
    for (name, text) in files {
        uart.write(format!("AT+QFUPL=\"{name}\",{}\r", text.len()).as_bytes());
        uart.until("\r\nCONNECT\r\n");
        uart.write(text.as_bytes());
        uart.until("\r\n\r\nOK\r\n");
        uart.ok(&format!("AT+QSSLCFG=\"{name}\",1,\"{name}\""));
    }
    uart.ok("AT+QSSLCFG=\"seclevel\",1,2");
    uart.ok("AT+QSSLOPEN=1,1,4,\"node.test\",443,0");
    uart.until("+QSSLOPEN: 4,0\r\n");
    exchange(Dialect::Quectel, &mut uart);
}

#[test]
fn a_missing_authority_is_no_authority() {
    let peer = Peer::echo();
    let (_modem, mut uart) = online(Dialect::Quectel, &peer);
    uart.ok("AT+QIACT=1");
    uart.ok("AT+QSSLCFG=\"cacert\",0,\"no.pem\"");
    uart.ok("AT+QSSLCFG=\"seclevel\",0,1");
    uart.ok("AT+QSSLOPEN=1,0,0,\"node.test\",443,0");
    uart.until("+QSSLOPEN: 0,552\r\n");
}

#[test]
fn a_server_that_speaks_no_tls_is_refused() {
    for dialect in DIALECTS {
        let ca = pki("node.test", 2099).ca;
        let peer = Peer::say("220 smtp.node.test ready\r\n");
        let (_modem, mut uart) = online(dialect, &peer);
        let answer = open(dialect, &mut uart, Client::strict(&ca));
        assert_eq!(answer, refusal(dialect), "{dialect:?}");
    }
}
