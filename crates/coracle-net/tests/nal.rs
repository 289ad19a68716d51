//! The adapter for `embedded-nal-async` stacks.

mod script;

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::cell::RefCell;

use coracle_net::http::{HttpClient, HttpConfig, HttpError, Target};
use coracle_net::{Connect, Endpoint, Nal, NalError};
use embedded_io_async::{Error as _, ErrorKind};
use embedded_nal_async::{AddrType, Dns, TcpConnect};
use script::{Script, Scripted, ok, run};

/// Notes what it was asked for.
struct Stack {
    script: Script,
    log: RefCell<Vec<String>>,
}

#[derive(Debug, PartialEq)]
struct NoName;

impl Dns for Stack {
    type Error = NoName;

    async fn get_host_by_name(&self, host: &str, family: AddrType) -> Result<IpAddr, NoName> {
        self.log.borrow_mut().push(format!("{host} {family:?}"));
        if host == "known" {
            Ok(Ipv4Addr::new(10, 0, 0, 1).into())
        } else {
            Err(NoName)
        }
    }

    async fn get_host_by_address(&self, _: IpAddr, _: &mut [u8]) -> Result<usize, NoName> {
        Err(NoName)
    }
}

impl TcpConnect for Stack {
    type Error = ErrorKind;
    type Connection<'a> = Scripted<'a>;

    async fn connect<'a>(&'a self, remote: SocketAddr) -> Result<Scripted<'a>, ErrorKind> {
        self.log.borrow_mut().push(remote.to_string());
        let endpoint = Endpoint::parse("http://script").unwrap();
        self.script.connect(&endpoint).await
    }
}

type Posted = Result<u16, HttpError<NalError<ErrorKind, NoName>>>;

/// The outcome, and what the stack was asked for.
fn post(url: &str, family: AddrType) -> (Posted, Vec<String>) {
    let stack = Nal::with_family(
        Stack {
            script: Script::new(9, &[&[ok("1"), ok("2")]]),
            log: RefCell::default(),
        },
        family,
    );
    let target = Target {
        endpoint: Endpoint::parse(url).unwrap(),
        headers: &[],
    };
    let config = HttpConfig {
        max_body_len: 9,
        keep_alive: true,
    };
    let mut client = HttpClient::new(&stack, target, config);
    let mut outcome = Ok(0);
    // Twice: the connection outlives the call that opened it.
    for _ in 0..2 {
        let posted = run(client.post_json(&&b""[..], &mut [0; 30], &mut |_| Ok(())));
        outcome = posted.map(|head| head.status);
    }
    drop(client);
    let log = stack.into_inner().log.into_inner();
    (outcome, log)
}

#[test]
fn resolves_a_name_once_for_a_kept_connection() {
    let (outcome, log) = post("http://known:8545", AddrType::IPv4);
    assert_eq!(outcome, Ok(200));
    assert_eq!(log, ["known IPv4", "10.0.0.1:8545"]);
}

#[test]
fn does_not_ask_for_an_address() {
    let (outcome, log) = post("http://[::1]", AddrType::Either);
    assert_eq!((outcome, log), (Ok(200), vec!["[::1]:80".into()]));
    let (outcome, log) = post("http://127.0.0.1:1", AddrType::Either);
    assert_eq!((outcome, log), (Ok(200), vec!["127.0.0.1:1".into()]));
}

#[test]
fn tells_a_missing_name_from_a_missing_tls() {
    let (outcome, _) = post("http://unknown", AddrType::Either);
    let error = NalError::Dns(NoName);
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(outcome, Err(HttpError::Connect(error)));
    let (outcome, log) = post("https://known", AddrType::Either);
    assert_eq!(
        NalError::<ErrorKind, NoName>::NoTls.kind(),
        ErrorKind::Unsupported
    );
    assert_eq!(outcome, Err(HttpError::Connect(NalError::NoTls)));
    assert!(log.is_empty(), "nothing goes out: {log:?}");
}
