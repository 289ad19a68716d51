//! The HTTP client over scripted connections.

mod script;

use coracle_core::{Encode, Error as _, ErrorKind as Kind, Sink};
use coracle_net::Endpoint;
use coracle_net::http::{
    Header, HttpClient, HttpConfig, HttpError, ResponseErrorKind, Stop, Target,
};
use embedded_io_async::ErrorKind;
use script::{Script, Step, answer, ok, poll_once, run};

const CONFIG: HttpConfig = HttpConfig {
    max_body_len: 100,
    keep_alive: true,
};

fn target() -> Target<'static> {
    Target {
        endpoint: Endpoint::parse("http://node:8545/v3?k=1").unwrap(),
        headers: &[],
    }
}

type Posted = Result<(u16, Vec<u8>), HttpError<ErrorKind>>;

fn post(client: &mut HttpClient<'_, Script>, body: &str, buf_len: usize) -> Posted {
    let mut got = Vec::new();
    let mut buf = vec![0; buf_len];
    let mut out = |piece: &[u8]| {
        got.extend_from_slice(piece);
        Ok(())
    };
    let head = run(client.post_json(&body.as_bytes(), &mut buf, &mut out))?;
    Ok((head.status, got))
}

fn client(script: &Script) -> HttpClient<'_, Script> {
    HttpClient::new(script, target(), CONFIG)
}

/// Counts how often it runs.
struct Pattern {
    len: usize,
    runs: std::cell::Cell<usize>,
}

impl Encode for Pattern {
    fn encode(&self, out: &mut dyn Sink) {
        self.runs.set(self.runs.get() + 1);
        for c in (b'a'..=b'z').cycle().take(self.len) {
            out.write(&[c]);
        }
    }
}

#[test]
fn writes_the_same_request_through_windows_of_every_size() {
    let headers = [
        Header::bearer("t0k").unwrap(),
        Header::new("X-Key", "a b").unwrap(),
    ];
    let target = Target {
        headers: &headers,
        ..target()
    };
    let expected = "POST /v3?k=1 HTTP/1.1\r\nHost: node:8545\r\nContent-Type: application/json\r\n\
                    Content-Length: 7\r\nAuthorization: Bearer t0k\r\nX-Key: a b\r\n\r\n[1,2,3]";
    for size in 1..=expected.len() + 2 {
        for piece in [1, 3, 1000] {
            let script = Script::new(piece, &[&[ok("{}")]]);
            let mut client = HttpClient::new(&script, target, CONFIG);
            assert_eq!(
                post(&mut client, "[1,2,3]", size),
                Ok((200, b"{}".to_vec()))
            );
            assert_eq!(
                script.request(0),
                expected,
                "window of {size}, pieces of {piece}"
            );
        }
    }
}

#[test]
fn ten_kibibytes_go_through_sixty_four_bytes() {
    let script = Script::new(1000, &[&[ok("")]]);
    let body = Pattern {
        len: 10 * 1024,
        runs: 0.into(),
    };
    let mut client = client(&script);
    run(client.post_json(&body, &mut [0; 64], &mut |_| Ok(()))).unwrap();
    let request = script.request(0);
    let (head, sent) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Content-Length: 10240\r\n") || head.ends_with("Content-Length: 10240"));
    let mut whole = vec![0; body.len];
    body.encode_into(&mut whole).unwrap();
    assert_eq!(sent.as_bytes(), whole);
    // Counted twice (length, whole request), once for each window, once here.
    assert_eq!(body.runs.get(), 2 + request.len().div_ceil(64) + 1);
}

#[test]
fn reads_the_same_answer_in_pieces_of_every_size() {
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
    for size in 1..70 {
        let script = Script::new(size, &[&[ok("abcd"), answer(chunked)], &[]]);
        let mut client = client(&script);
        for _ in 0..2 {
            assert_eq!(
                post(&mut client, "", 70),
                Ok((200, b"abcd".to_vec())),
                "{size}"
            );
            assert!(client.is_connected());
        }
        assert_eq!(script.connected.get(), 1);
    }
}

#[test]
fn keeps_the_connection_only_where_the_answer_allows() {
    let kept = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    let cases = [
        (kept, true),
        (
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
            false,
        ),
        ("HTTP/1.1 200 OK\r\n\r\n{}", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", false),
        // A second answer that nobody asked for.
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n",
            false,
        ),
    ];
    for (text, is_kept) in cases {
        let script = Script::new(1000, &[&[answer(text)]]);
        let mut client = client(&script);
        assert_eq!(
            post(&mut client, "", 500),
            Ok((200, b"{}".to_vec())),
            "{text:?}"
        );
        assert_eq!(
            (client.is_connected(), script.open.get() == 1),
            (is_kept, is_kept),
            "{text:?}"
        );
    }
    let script = Script::new(1000, &[&[answer(kept)]]);
    let config = HttpConfig {
        keep_alive: false,
        ..CONFIG
    };
    let mut client = HttpClient::new(&script, target(), config);
    post(&mut client, "", 500).unwrap();
    assert!(!client.is_connected());
    assert!(script.request(0).contains("\r\nConnection: close\r\n"));
}

#[test]
fn sends_again_once_where_a_kept_connection_was_closed() {
    let closed = [
        answer(""),
        Step::TakeNothing,
        Step::FailWrite(ErrorKind::BrokenPipe),
        Step::FailWrite(ErrorKind::ConnectionReset),
        Step::FailRead(vec![], ErrorKind::ConnectionReset),
        Step::FailRead(vec![], ErrorKind::ConnectionAborted),
        Step::FailRead(vec![], ErrorKind::NotConnected),
    ];
    for step in closed {
        let script = Script::new(9, &[&[ok("1"), step], &[ok("2")]]);
        let mut client = client(&script);
        assert_eq!(post(&mut client, "a", 50), Ok((200, b"1".to_vec())));
        assert_eq!(post(&mut client, "b", 50), Ok((200, b"2".to_vec())));
        assert_eq!((script.connected.get(), script.request_count()), (2, 3));
        assert!(script.request(2).ends_with("\r\n\r\nb"));
    }
}

#[test]
fn sends_once_only_where_the_node_may_be_at_work() {
    let truncated = |error| matches!(error, HttpError::Response(error) if error.what == ResponseErrorKind::Truncated);
    // A fresh connection.
    let script = Script::new(9, &[&[answer("")], &[ok("")]]);
    assert!(truncated(post(&mut client(&script), "", 50).unwrap_err()));
    assert_eq!(script.request_count(), 1);
    // One byte of the answer came.
    let script = Script::new(9, &[&[ok(""), answer("H")], &[ok("")]]);
    let mut kept = client(&script);
    post(&mut kept, "", 50).unwrap();
    assert!(truncated(post(&mut kept, "", 50).unwrap_err()));
    assert_eq!(script.request_count(), 2);
    // Silence, and failures that are no close.
    for kind in [
        ErrorKind::TimedOut,
        ErrorKind::Other,
        ErrorKind::Interrupted,
    ] {
        let script = Script::new(9, &[&[ok(""), Step::FailRead(vec![], kind)], &[ok("")]]);
        let mut kept = client(&script);
        post(&mut kept, "", 50).unwrap();
        assert_eq!(post(&mut kept, "", 50), Err(HttpError::Read(kind)));
        assert_eq!(script.request_count(), 2, "{kind:?}");
    }
    // The second connection fails as well: no third.
    let script = Script::new(9, &[&[ok("")], &[answer("")], &[ok("")]]);
    let mut kept = client(&script);
    post(&mut kept, "", 50).unwrap();
    assert!(truncated(post(&mut kept, "", 50).unwrap_err()));
    assert_eq!(script.request_count(), 3);
}

#[test]
fn is_usable_after_every_error() {
    let malformed = "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n";
    let too_long = "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n";
    let failing = [
        answer(malformed),
        answer(too_long),
        answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234"),
        answer("HTTP/1.1 302 Found\r\nLocation: http://evil/\r\nContent-Length: 0\r\n\r\n"),
        Step::FailWrite(ErrorKind::TimedOut),
        Step::FailRead(b"HTTP/1.1 2".to_vec(), ErrorKind::ConnectionReset),
        Step::TakeNothing,
    ];
    for step in failing {
        let script = Script::new(9, &[&[step], &[ok("later")]]);
        let mut client = client(&script);
        post(&mut client, "", 50).unwrap_err();
        assert!(script.connected.get() == 1);
        assert_eq!(post(&mut client, "", 50), Ok((200, b"later".to_vec())));
    }
    // Refused connections as well.
    let script = Script::new(9, &[]);
    let error = post(&mut client(&script), "", 50).unwrap_err();
    assert_eq!(error, HttpError::Connect(ErrorKind::ConnectionRefused));
    assert_eq!(error.kind(), Kind::Retry);
}

#[test]
fn statuses_of_failure_are_errors_that_keep_the_connection() {
    let refused = |status: u16, more: &str| {
        answer(&format!(
            "HTTP/1.1 {status} x\r\n{more}Content-Length: 2\r\n\r\nno"
        ))
    };
    for (status, kind) in [
        (400, Kind::Caller),
        (401, Kind::Caller),
        (404, Kind::Caller),
        (408, Kind::Retry),
        (429, Kind::Retry),
        (500, Kind::Retry),
        (501, Kind::Remote),
        (502, Kind::Retry),
        (503, Kind::Retry),
        (504, Kind::Retry),
    ] {
        let script = Script::new(9, &[&[refused(status, "Retry-After: 7\r\n"), ok("")]]);
        let mut client = client(&script);
        let error = post(&mut client, "", 50).unwrap_err();
        let retry_after_s = Some(7);
        assert_eq!(
            error,
            HttpError::Status {
                status,
                retry_after_s
            }
        );
        assert_eq!(error.kind(), kind, "{status}");
        assert!(client.is_connected());
        assert_eq!(post(&mut client, "", 50), Ok((200, vec![])));
    }
}

#[test]
fn the_status_outweighs_what_is_wrong_with_its_body() {
    for rest in [
        "Content-Length: 5000\r\n\r\n<html>",
        "Content-Length: 50\r\n\r\n<html>",
        "Transfer-Encoding: chunked\r\n\r\nzz",
    ] {
        let script = Script::new(9, &[&[answer(&format!("HTTP/1.1 502 Bad\r\n{rest}"))]]);
        let mut client = client(&script);
        let error = post(&mut client, "", 50).unwrap_err();
        assert_eq!(
            error,
            HttpError::Status {
                status: 502,
                retry_after_s: None
            },
            "{rest:?}"
        );
        assert!(!client.is_connected());
    }
}

#[test]
fn redirects_are_not_followed() {
    for status in [301, 302, 303, 304, 307, 308] {
        let text = format!("HTTP/1.1 {status} x\r\nLocation: http://evil/\r\n\r\n");
        let script = Script::new(9, &[&[Step::Hang(text.into_bytes())]]);
        let error = post(&mut client(&script), "", 50).unwrap_err();
        assert_eq!(
            (error, error.kind()),
            (HttpError::Redirect { status }, Kind::Caller)
        );
        assert_eq!((script.connected.get(), script.open.get()), (1, 0));
    }
}

#[test]
fn a_dropped_call_closes_the_connection() {
    let partial = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlat".to_vec();
    let script = Script::new(99, &[&[ok("1"), Step::Hang(partial)], &[ok("2")]]);
    let mut client = client(&script);
    post(&mut client, "", 50).unwrap();
    assert_eq!(script.open.get(), 1);
    let dropped = poll_once(client.post_json(&&b""[..], &mut [0; 50], &mut |_| Ok(())));
    assert!(dropped.is_none());
    assert_eq!((script.open.get(), client.is_connected()), (0, false));
    assert_eq!(post(&mut client, "", 50), Ok((200, b"2".to_vec())));
}

#[test]
fn a_receiver_that_stops_ends_the_exchange() {
    let script = Script::new(9, &[&[ok("12345")]]);
    let mut client = client(&script);
    let error = run(client.post_json(&&b""[..], &mut [0; 50], &mut |_| Err(Stop))).unwrap_err();
    assert!(
        matches!(error, HttpError::Response(error) if error.what == ResponseErrorKind::Stopped)
    );
    assert!(!client.is_connected());
}

#[test]
fn refuses_to_work_without_a_buffer() {
    let script = Script::new(9, &[]);
    let error = post(&mut client(&script), "", 0).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (Kind::Caller, "buffer too small, 1 bytes needed")
    );
}

#[test]
fn notices_an_encoder_that_shrinks() {
    struct Shrinking(std::cell::Cell<usize>);
    impl Encode for Shrinking {
        fn encode(&self, out: &mut dyn Sink) {
            self.0.set(self.0.get().saturating_sub(1));
            out.write(&vec![b'x'; self.0.get()]);
        }
    }
    let script = Script::new(99, &[&[ok("")]]);
    let mut client = client(&script);
    let body = Shrinking(9.into());
    let error = run(client.post_json(&body, &mut [0; 50], &mut |_| Ok(()))).unwrap_err();
    assert_eq!(
        (error, error.kind()),
        (HttpError::UnsteadyEncoder, Kind::Bug)
    );
    assert!(!client.is_connected());
}

#[test]
fn another_target_gets_another_connection() {
    let script = Script::new(99, &[&[ok("")], &[ok("")]]);
    let mut client = client(&script);
    post(&mut client, "", 50).unwrap();
    client.set_target(Target {
        endpoint: Endpoint::parse("http://[::1]").unwrap(),
        headers: &[],
    });
    post(&mut client, "", 50).unwrap();
    assert_eq!(script.connected.get(), 2);
    assert!(
        script
            .request(1)
            .starts_with("POST / HTTP/1.1\r\nHost: [::1]\r\n")
    );
}

#[test]
fn debug_shows_no_secret() {
    let headers = [
        Header::bearer("s3cret").unwrap(),
        Header::new("X-Key", "s3cret").unwrap(),
    ];
    let target = Target {
        endpoint: Endpoint::parse("https://node/v3/s3cret").unwrap(),
        headers: &headers,
    };
    let script = Script::new(9, &[]);
    let text = format!("{:?}", HttpClient::new(&script, target, CONFIG));
    assert!(
        text.contains("https://node") && !text.contains("s3cret"),
        "{text}"
    );
}
