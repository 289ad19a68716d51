//! A dialect of another crate, as `docs/adding-a-modem.md` says: payload in hexadecimal both
//! ways, prompts that are lines, one socket.

mod support;

use core::net::IpAddr;

use coracle_modem::at::{
    Answer, At, Block, Channel, Exchange, Form, Meaning, Piece, Prompt, Prompted, SocketId, Urc,
};
use coracle_modem::dialect::{Received, Table, Target};
use coracle_modem::{Config, Dialect, Error, Security, Uart};
use embedded_hal_async::delay::DelayNs;
use embedded_io_async::{Read, Write};
use support::Bench;
use support::fake::{Behaviour, Fake, State, Token, line, ok};

use Piece::{Number, Text};

struct Toy;

impl Dialect for Toy {
    const TABLE: Table = Table {
        urcs: &[
            Urc::new("+TOYDATA:", Meaning::Readable(Channel::Plain)),
            Urc::new("+TOYEND:", Meaning::Closed(Channel::Plain)),
        ],
        sockets: 1,
        secure_sockets: 0,
        max_send: 512,
        max_receive: 512,
        pin_tries: ("+TOYPIN?", Answer::new("+TOYPIN:")),
        sleep: None,
        power_off: "+TOYOFF",
    };

    async fn set_up<U: Uart, T: DelayNs>(&mut self, _: &mut At<U, T>) -> Result<(), Error> {
        Ok(())
    }

    async fn activate<U: Uart, T: DelayNs>(
        &mut self,
        _: &mut At<U, T>,
        _: &Config<'_>,
    ) -> Result<(), Error> {
        Ok(())
    }

    async fn deactivate<U: Uart, T: DelayNs>(&mut self, _: &mut At<U, T>) -> Result<(), Error> {
        Ok(())
    }

    async fn resolve<U: Uart, T: DelayNs>(
        &mut self,
        _: &mut At<U, T>,
        _: &str,
    ) -> Result<IpAddr, Error> {
        Err(Error::Unsupported)
    }

    async fn open<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        target: &Target<'_>,
    ) -> Result<(), Error> {
        at.assign(target.slot, 0);
        let command = [Text("+TOYOPEN="), Piece::Quoted(target.host)];
        at.command(&command).await.map(drop)
    }

    async fn send<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        _: SocketId,
        bytes: &[u8],
    ) -> Result<usize, Error> {
        let len = u32::try_from(bytes.len()).map_err(|_| Error::SendFailed)?;
        let exchange = Exchange {
            send: Some(&Prompted {
                prompt: Prompt::Line("CONNECT"),
                payload: bytes,
                pause_ms: 5,
            }),
            ..Exchange::ok(at.timeouts().send_ms)
        };
        let command = [Text("+TOYSEND="), Number(len)];
        at.exchange(&command, exchange).await?;
        Ok(bytes.len())
    }

    async fn receive<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        _: SocketId,
        out: &mut [u8],
    ) -> Result<Received, Error> {
        let exchange = Exchange {
            receive: Some(&mut Block {
                header: Answer::with_numbers("+TOYREAD:", 1),
                length_field: 0,
                form: Form::Hex,
                out,
            }),
            ..Exchange::ok(at.timeouts().command_ms)
        };
        let len = at.exchange(&[Text("+TOYREAD")], exchange).await?;
        Ok(Received { len, more: false })
    }

    async fn close<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        _: SocketId,
    ) -> Result<(), Error> {
        at.command(&[Text("+TOYCLOSE")]).await.map(drop)
    }
}

/// The other end; `digits` turns what it has into what it says.
struct ToyFake {
    digits: fn(&[u8]) -> String,
}

impl Behaviour for ToyFake {
    fn command(&mut self, fake: &mut State, command: &str) -> Option<Vec<Token>> {
        let peer = &mut fake.peers[0];
        Some(match command.split('=').next()? {
            "+TOYOPEN" => {
                peer.open = true;
                vec![ok()]
            }
            "+TOYSEND" => {
                let len = command.split_once('=')?.1.parse().ok()?;
                fake.want(len, String::new());
                vec![line("CONNECT")]
            }
            "+TOYREAD" => {
                let data: Vec<u8> = peer.inbox.drain(..).collect();
                peer.announced = false;
                let digits = (self.digits)(&data);
                let block = format!("\r\n+TOYREAD: {}\r\n{digits}\r\n", data.len());
                vec![block.into_bytes(), ok()]
            }
            "+TOYCLOSE" => {
                *peer = Default::default();
                vec![ok()]
            }
            _ => return None,
        })
    }

    fn payload(&mut self, fake: &mut State, payload: Vec<u8>) -> Vec<Token> {
        fake.peers[0].outbox.extend(payload);
        vec![ok()]
    }

    fn news(&mut self, fake: &mut State) -> Vec<Token> {
        let peer = &mut fake.peers[0];
        if peer.inbox.is_empty() || peer.announced {
            return Vec::new();
        }
        peer.announced = true;
        vec![line("+TOYDATA: 0")]
    }
}

fn echoed(digits: fn(&[u8]) -> String) -> Result<Vec<u8>, Error> {
    let bench = Bench::new(Fake::new(ToyFake { digits }));
    let modem = bench.modem(Toy);
    bench.run(async {
        let mut socket = modem.open("example.org", 80, Security::Plain).await?;
        let sent: Vec<u8> = (0..=255).collect();
        socket.write_all(&sent).await?;
        let mut out = [0; 300];
        let read = socket.read(&mut out).await?;
        Ok(out[..read].to_vec())
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[test]
fn dialect_of_another_crate_works() {
    let all: Vec<u8> = (0..=255).collect();
    assert_eq!(echoed(hex), Ok(all.clone()));
    assert_eq!(echoed(|bytes| hex(bytes).to_lowercase()), Ok(all));
}

#[test]
fn payload_that_is_not_hexadecimal_is_malformed() {
    assert_eq!(
        echoed(|bytes| "xy".repeat(bytes.len())),
        Err(Error::Malformed)
    );
    // One digit too many: the next byte is no line's end.
    assert_eq!(echoed(|bytes| hex(bytes) + "0"), Err(Error::Malformed));
}

#[test]
fn tls_that_the_modem_does_not_know_is_refused() {
    let bench = Bench::new(Fake::new(ToyFake { digits: hex }));
    let config = Config {
        tls: Some(coracle_modem::Tls {
            roots: coracle_modem::Roots::Stored("root.pem"),
            check_dates: true,
            dangerous_any_name: false,
        }),
        ..Config::new("internet")
    };
    let modem = bench.modem_with(Toy, config);
    let refused = bench.run(modem.open("example.org", 443, Security::Tls));
    assert_eq!(refused.err(), Some(Error::NoTls));
    let modem = bench.modem(Toy);
    let refused = bench.run(modem.open("example.org", 443, Security::Tls));
    assert_eq!(refused.err(), Some(Error::NoTls));
    assert_eq!(bench.run(modem.sleep()), Err(Error::Unsupported));
}
