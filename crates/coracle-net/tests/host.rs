//! The host's sockets against real servers on this machine.
#![cfg(feature = "std")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use coracle_net::Endpoint;
use coracle_net::host::{HostConfig, HostError, HostStack, block_on};
use coracle_net::http::{HttpClient, HttpConfig, HttpError, ResponseErrorKind, Target};
use embedded_io_async::ErrorKind;

const HTTP: HttpConfig = HttpConfig {
    max_body_len: 1000,
    keep_alive: true,
};

/// What the server does with each connection: one answer per request, then it closes.
type Plan = Vec<Vec<&'static str>>;

/// Serves the plan; gives the bodies it was sent.
fn serve(plan: Plan) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let mut bodies = Vec::new();
        for answers in plan {
            let (mut stream, _) = listener.accept().unwrap();
            for answer in answers {
                bodies.push(read_request(&mut stream));
                stream.write_all(answer.as_bytes()).unwrap();
            }
        }
        bodies
    });
    (address, server)
}

fn read_request(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut byte = [0];
    let body_len = |text: &str| {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let len = head.split("Content-Length: ").nth(1)?.lines().next()?;
        Some((len.parse::<usize>().unwrap(), body.to_owned()))
    };
    loop {
        if let Some((len, body)) = body_len(&text)
            && body.len() == len
        {
            return body;
        }
        stream.read_exact(&mut byte).unwrap();
        text.push(char::from(byte[0]));
    }
}

fn stack() -> HostStack {
    HostStack::new(HostConfig::default())
}

type Posted = Result<String, HttpError<HostError>>;

fn post(client: &mut HttpClient<'_, HostStack>, body: &str) -> Posted {
    let mut got = Vec::new();
    let mut out = |piece: &[u8]| {
        got.extend_from_slice(piece);
        Ok(())
    };
    block_on(client.post_json(&body.as_bytes(), &mut [0; 32], &mut out))?;
    Ok(String::from_utf8(got).unwrap())
}

fn with_client<T>(
    address: SocketAddr,
    stack: &HostStack,
    run: impl FnOnce(&mut HttpClient<'_, HostStack>) -> T,
) -> T {
    let url = format!("http://{address}/");
    let target = Target {
        endpoint: Endpoint::parse(&url).unwrap(),
        headers: &[],
    };
    run(&mut HttpClient::new(stack, target, HTTP))
}

const ONE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none";
const TWO: &str =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\ntw\r\n1\r\no\r\n0\r\n\r\n";
const LAST: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nlast";

#[test]
fn one_connection_carries_several_requests() {
    let (address, server) = serve(vec![vec![ONE, TWO, LAST], vec![ONE]]);
    with_client(address, &stack(), |client| {
        assert_eq!(post(client, "a").as_deref(), Ok("one"));
        assert_eq!(post(client, "b").as_deref(), Ok("two"));
        assert_eq!(post(client, "c").as_deref(), Ok("last"));
        assert!(!client.is_connected());
        assert_eq!(post(client, "d").as_deref(), Ok("one"));
    });
    assert_eq!(server.join().unwrap(), ["a", "b", "c", "d"]);
}

#[test]
fn a_server_that_closed_meanwhile_is_asked_again() {
    // Each connection serves one request and closes without saying so.
    let (address, server) = serve(vec![vec![ONE], vec![TWO], vec![ONE]]);
    with_client(address, &stack(), |client| {
        for (body, answer) in [("a", "one"), ("b", "two"), ("c", "one")] {
            assert_eq!(post(client, body).as_deref(), Ok(answer));
            assert!(client.is_connected());
        }
    });
    assert_eq!(server.join().unwrap(), ["a", "b", "c"]);
}

#[test]
fn a_cut_answer_is_an_error() {
    let (address, server) = serve(vec![vec![
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
    ]]);
    let error = with_client(address, &stack(), |client| post(client, "a")).unwrap_err();
    assert!(
        matches!(error, HttpError::Response(error) if error.what == ResponseErrorKind::Truncated)
    );
    server.join().unwrap();
}

#[test]
fn a_port_that_nobody_listens_on_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = with_client(address, &stack(), |client| post(client, "a")).unwrap_err();
    assert_eq!(
        error,
        HttpError::Connect(HostError::Io(ErrorKind::ConnectionRefused))
    );
    assert_eq!(error.to_string(), "cannot connect: connection refused");
}

/// A server that takes the connection and says nothing until it is let go.
fn silent() -> (SocketAddr, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (listener.local_addr().unwrap(), listener)
}

#[test]
fn silence_ends_with_the_timeout_of_a_byte() {
    let (address, _listener) = silent();
    let stack = HostStack::new(HostConfig {
        io_timeout: Duration::from_millis(20),
        ..HostConfig::default()
    });
    let error = with_client(address, &stack, |client| post(client, "a")).unwrap_err();
    assert_eq!(error, HttpError::Read(HostError::Io(ErrorKind::TimedOut)));
}

/// On a busy machine the time may pass before the answer is waited for.
fn is_deadline(error: HttpError<HostError>) -> bool {
    use HttpError::{Connect, Read, Write};
    matches!(error, Connect(inner) | Read(inner) | Write(inner) if inner == HostError::Deadline)
}

#[test]
fn silence_ends_with_the_deadline_of_a_request() {
    let (address, _listener) = silent();
    let stack = HostStack::new(HostConfig {
        deadline: Duration::from_millis(100),
        ..HostConfig::default()
    });
    let error = with_client(address, &stack, |client| post(client, "a")).unwrap_err();
    assert!(is_deadline(error), "{error:?}");
}

#[test]
fn half_an_answer_ends_with_the_deadline() {
    let (address, listener) = silent();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&ONE.as_bytes()[..20]).unwrap();
        // Until the client has gone.
        while matches!(stream.read(&mut [0; 512]), Ok(1..)) {}
    });
    let stack = HostStack::new(HostConfig {
        deadline: Duration::from_millis(100),
        ..HostConfig::default()
    });
    let error = with_client(address, &stack, |client| post(client, "a")).unwrap_err();
    assert!(is_deadline(error), "{error:?}");
    server.join().unwrap();
}

#[test]
fn an_unknown_name_is_not_found() {
    let stack = stack();
    // A label beyond 63 bytes: the resolver refuses it without asking anyone.
    let url = format!("http://{}/", "x".repeat(64));
    let target = Target {
        endpoint: Endpoint::parse(&url).unwrap(),
        headers: &[],
    };
    let mut client = HttpClient::new(&stack, target, HTTP);
    assert_eq!(
        post(&mut client, "a"),
        Err(HttpError::Connect(HostError::Resolve))
    );
}

#[cfg(not(feature = "tls"))]
#[test]
fn https_is_refused_before_anything_goes_out() {
    let stack = stack();
    let target = Target {
        endpoint: Endpoint::parse("https://127.0.0.1:1/").unwrap(),
        headers: &[],
    };
    let mut client = HttpClient::new(&stack, target, HTTP);
    assert_eq!(
        post(&mut client, "a"),
        Err(HttpError::Connect(HostError::NoTls))
    );
}

#[test]
fn block_on_sleeps_until_woken() {
    use std::future::poll_fn;
    use std::task::Poll;
    let mut polls = 0;
    let answer = block_on(poll_fn(|context| {
        polls += 1;
        if polls == 3 {
            return Poll::Ready(polls);
        }
        let waker = context.waker().clone();
        thread::spawn(move || waker.wake());
        Poll::Pending
    }));
    assert_eq!(answer, 3);
}
