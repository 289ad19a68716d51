//! Every dialect against the emulator, which was written from the same manuals by other
//! hands: real sockets, real time, nothing mocked.
#![allow(unreachable_pub, reason = "for tests")]

mod host;
mod servers;

use coracle_modem::{
    Authentication, AuthenticationMethod, Config, Dialect, Error, Modem, NoPin, Pins, Quectel,
    Roots, Security, Simcom, Timeouts, Tls, Ublox,
};
use coracle_modem_sim::{
    Apn, Config as SimConfig, Dialect as SimDialect, FaultKind, Faults, Handle, ModemSim, Name,
};
use coracle_testkit::rounds;
use embedded_io_async::{Read, Write};
use host::{HostDelay, HostUart, block_on};
use servers::Authority;

type HostModem<'c, D> = Modem<'c, D, HostUart, Pins<NoPin, NoPin, NoPin>, HostDelay>;

const HOST: &str = "echo.example";
const PORT: u16 = 7;

fn emulator(dialect: SimDialect, target: std::net::SocketAddr) -> Handle {
    let mut config = SimConfig::local(dialect);
    config
        .names
        .add(Name::new(HOST, Some(PORT), target).expect("loopback"));
    ModemSim::start(config).expect("a free port")
}

fn config() -> Config<'static> {
    Config {
        timeouts: Timeouts::USUAL.divided_by(5),
        ..Config::new("internet")
    }
}

fn modem<'c, D: Dialect>(dialect: D, sim: &Handle, config: Config<'c>) -> HostModem<'c, D> {
    let uart = HostUart::connect(sim.tcp().expect("TCP"));
    Modem::new(dialect, uart, Pins::NONE, HostDelay, config)
}

/// Prints what was said when the test fails.
struct Talk<'h>(&'h Handle);

impl Drop for Talk<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.0.transcript());
        }
    }
}

async fn exchange<D: Dialect>(modem: &HostModem<'_, D>, security: Security, len: usize) {
    let sent: Vec<u8> = (0..=250).cycle().take(len).collect();
    let mut socket = modem.open(HOST, PORT, security).await.expect("open");
    socket.write_all(&sent).await.expect("write");
    let mut got = vec![0; len];
    socket.read_exact(&mut got).await.expect("read");
    assert!(got == sent, "bytes changed on their way");
    socket
        .write_all(b"\r\nOK\r\n+QIURC: \"closed\",0\r\nBYE")
        .await
        .expect("write");
    let mut rest = Vec::new();
    let mut buf = [0; 64];
    loop {
        match socket.read(&mut buf).await.expect("read") {
            0 => break,
            read => rest.extend_from_slice(&buf[..read]),
        }
    }
    assert_eq!(rest, b"\r\nOK\r\n+QIURC: \"closed\",0\r\nBYE");
}

fn plain<D: Dialect>(dialect: D, kind: SimDialect) {
    let sim = emulator(kind, servers::plain());
    let _talk = Talk(&sim);
    let modem = modem(dialect, &sim, config());
    block_on(async {
        modem.attach().await.expect("attach");
        assert!(modem.signal().await.expect("signal").rssi_dbm.is_some());
        let operator = modem
            .operator()
            .await
            .expect("operator")
            .expect("registered");
        assert_eq!(operator.name.as_str(), "Coracle Test");
        assert_eq!(
            modem.identity().await.expect("identity").imei.as_str(),
            "490154203237518"
        );
        modem.network_time().await.expect("time");
        modem.resolve(HOST).await.expect("resolve");
        assert!(matches!(
            modem.resolve("nowhere.example").await,
            Err(Error::Dns(_))
        ));
        for len in [1, 1000, 5000] {
            exchange(&modem, Security::Plain, len).await;
        }
        let refused = modem.open("nowhere.example", PORT, Security::Plain).await;
        assert!(matches!(refused.err(), Some(Error::Dns(_))));
        let refused = modem.open("localhost", 1, Security::Plain).await;
        assert!(matches!(refused.err(), Some(Error::Connect(_))));
    });
}

fn secure<D: Dialect + Copy>(dialect: D, kind: SimDialect, checks_names: bool) {
    let (ours, other) = (Authority::new(), Authority::new());
    let (ours_pem, other_pem) = (ours.pem(), other.pem());
    let trusting = |pem: &'static str, any| Config {
        tls: Some(Tls {
            roots: Roots::Pem(pem.as_bytes()),
            check_dates: true,
            dangerous_any_name: any,
        }),
        ..config()
    };
    let ours_pem: &'static str = ours_pem.leak();
    let other_pem: &'static str = other_pem.leak();

    // The right authority, the right name.
    let right = emulator(kind, ours.server(HOST));
    let _talk = Talk(&right);
    let any = !checks_names;
    let modem = modem(dialect, &right, trusting(ours_pem, any));
    block_on(async {
        exchange(&modem, Security::Tls, 3000).await;
        exchange(&modem, Security::Tls, 10).await;
    });
    drop(modem);

    let open = |server, config| {
        let sim = emulator(kind, server);
        let _talk = Talk(&sim);
        let modem = self::modem(dialect, &sim, config);
        block_on(async { modem.open(HOST, PORT, Security::Tls).await.err() })
    };
    // Another authority.
    let refused = open(ours.server(HOST), trusting(other_pem, any));
    assert!(
        matches!(refused, Some(Error::TlsHandshake(_))),
        "{refused:?}"
    );
    // Another name.
    let refused = open(ours.server("other.example"), trusting(ours_pem, false));
    match checks_names {
        true => assert!(
            matches!(refused, Some(Error::TlsHandshake(_))),
            "{refused:?}"
        ),
        false => assert_eq!(refused, Some(Error::TlsNameUnchecked)),
    }
    // Nothing to trust.
    assert_eq!(open(ours.server(HOST), config()), Some(Error::NoTls));
}

#[test]
fn quectel_plain() {
    plain(Quectel, SimDialect::Quectel);
}

#[test]
fn simcom_plain() {
    plain(Simcom, SimDialect::Simcom);
}

#[test]
fn ublox_plain() {
    plain(Ublox, SimDialect::Ublox);
}

#[test]
fn ublox_tls_is_verified() {
    secure(Ublox, SimDialect::Ublox, true);
}

#[test]
fn quectel_tls_is_verified() {
    secure(Quectel, SimDialect::Quectel, true);
}

#[test]
fn simcom_tls_is_verified_but_for_the_name() {
    secure(Simcom, SimDialect::Simcom, false);
}

/// Credentials go where the network reads them; wrong ones are refused.
fn credentials<D: Dialect + Copy>(dialect: D, kind: SimDialect) {
    for (password, right) in [("secret", true), ("wrong", false)] {
        let mut config = SimConfig::local(kind);
        config.apn = Some(Apn {
            name: "private.example".into(),
            login: Some(("me".into(), "secret".into())),
        });
        let sim = ModemSim::start(config).expect("a free port");
        let _talk = Talk(&sim);
        let config = Config {
            authentication: Some(Authentication {
                method: AuthenticationMethod::Chap,
                user: "me",
                password,
            }),
            timeouts: Timeouts::USUAL.divided_by(5),
            ..Config::new("private.example")
        };
        let modem = modem(dialect, &sim, config);
        let attached = block_on(modem.attach());
        match right {
            true => assert_eq!(attached, Ok(())),
            false => assert!(
                matches!(attached, Err(Error::NoDataConnection(_))),
                "{attached:?}"
            ),
        }
    }
}

#[test]
fn quectel_credentials() {
    credentials(Quectel, SimDialect::Quectel);
}

#[test]
fn simcom_credentials() {
    credentials(Simcom, SimDialect::Simcom);
}

#[test]
fn ublox_credentials() {
    credentials(Ublox, SimDialect::Ublox);
}

/// Sends and receives until it has succeeded; how many tries failed.
async fn insist<D: Dialect>(modem: &HostModem<'_, D>, sim: &Handle, sent: &[u8]) {
    for _ in 0..100 {
        match attempt(modem, sent).await {
            Ok(true) => return,
            // A length that was garbled on the line into another that is possible: no
            // driver notices, and what runs over the connection does.
            Ok(false) => assert!(line_was_garbled(sim), "bytes changed on their way"),
            Err(_) => {}
        }
    }
    panic!("100 tries and none succeeded");
}

fn line_was_garbled(sim: &Handle) -> bool {
    use FaultKind::{CommandDrop, CommandFlip, LineDrop, LineFlip};
    let counters = sim.counters();
    let kinds = [CommandDrop, CommandFlip, LineDrop, LineFlip];
    kinds.iter().any(|kind| counters.fired(*kind) > 0)
}

/// Whether what came back is what was sent.
async fn attempt<D: Dialect>(modem: &HostModem<'_, D>, sent: &[u8]) -> Result<bool, Error> {
    let mut socket = modem.open(HOST, PORT, Security::Plain).await?;
    socket.write_all(sent).await?;
    let mut got = vec![0; sent.len()];
    let mut filled = 0;
    while filled < got.len() {
        match socket.read(&mut got[filled..]).await? {
            0 => return Err(Error::ConnectionLost),
            read => filled += read,
        }
    }
    Ok(got == sent)
}

/// Every fault but those that change payload, drawn from seeds: the session always gets
/// through at last, and what is read is what was sent.
fn faults<D: Dialect + Copy>(dialect: D, kind: SimDialect) {
    let seeds = rounds(2, 60);
    for seed in 0..seeds {
        println!("seed {seed} of {kind:?}");
        let mut config = SimConfig::local(kind);
        let name = Name::new(HOST, Some(PORT), servers::plain()).expect("loopback");
        config.names.add(name);
        config.faults = Faults::from_seed(seed as u64);
        let sim = ModemSim::start(config).expect("a free port");
        let _talk = Talk(&sim);
        let modem = modem(
            dialect,
            &sim,
            Config {
                timeouts: Timeouts::USUAL.divided_by(40),
                ..Config::new("internet")
            },
        );
        block_on(async {
            for len in [10, 600, 3000] {
                let sent: Vec<u8> = (0..=250).cycle().take(len).collect();
                insist(&modem, &sim, &sent).await;
            }
        });
    }
}

#[test]
fn quectel_bears_faults() {
    faults(Quectel, SimDialect::Quectel);
}

#[test]
fn simcom_bears_faults() {
    faults(Simcom, SimDialect::Simcom);
}

#[test]
fn ublox_bears_faults() {
    faults(Ublox, SimDialect::Ublox);
}
