//! Calls over scripted connections: which error wins, and what stays usable.

mod script;

use coracle_core::json::{Event, Reject, Visitor};
use coracle_core::{Error as _, ErrorKind as Kind};
use coracle_net::Endpoint;
use coracle_net::http::{
    HttpClient, HttpConfig, HttpError, ResponseErrorKind, ResponseReader, Target,
};
use coracle_net::rpc::{
    Answer, AnswerError, Call, CallError, Envelope, EnvelopeErrorKind, RpcClient,
};
use embedded_io_async::ErrorKind;
use script::{Script, Step, answer, ok, run};

#[derive(Default)]
struct Text(String);

impl Visitor for Text {
    fn event(&mut self, _depth: usize, event: Event<'_>) -> Result<(), Reject> {
        match event {
            Event::StrPart(part) => self.0.push_str(&String::from_utf8_lossy(part)),
            Event::StrEnd => {}
            _ => return Err(Reject),
        }
        Ok(())
    }
}

fn client(script: &Script) -> RpcClient<'_, Script> {
    let target = Target {
        endpoint: Endpoint::parse("http://node/").unwrap(),
        headers: &[],
    };
    let config = HttpConfig {
        max_body_len: 200,
        keep_alive: true,
    };
    RpcClient::new(HttpClient::new(script, target, config))
}

fn call(client: &mut RpcClient<'_, Script>) -> Result<String, CallError<ErrorKind>> {
    let mut text = Text::default();
    let call = Call {
        prefix: "eth_",
        method: "blockNumber",
        params: &&b"[]"[..],
    };
    let answer = Answer {
        result: &mut text,
        message: None,
        error_data: &mut [0; 4],
    };
    run(client.call(call, answer, &mut [0; 40]))?;
    Ok(text.0)
}

fn status(status: u16, body: &str) -> Step {
    answer(&format!(
        "HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

#[test]
fn numbers_its_calls_and_keeps_the_connection() {
    let result = |id: u32| {
        ok(&format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":"0x{id}"}}"#
        ))
    };
    for piece in 1..60 {
        let script = Script::new(piece, &[&[result(1), result(2), result(3)]]);
        let mut client = client(&script);
        for id in 1..4 {
            assert_eq!(call(&mut client), Ok(format!("0x{id}")));
            let body =
                format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"eth_blockNumber","params":[]}}"#);
            assert!(script.request(id - 1).ends_with(&format!("\r\n\r\n{body}")));
        }
        assert_eq!(script.connected.get(), 1);
    }
}

#[test]
fn an_answer_to_an_earlier_call_is_refused() {
    let old = ok(r#"{"jsonrpc":"2.0","id":1,"result":"0x1"}"#);
    let script = Script::new(9, &[&[old.clone(), old]]);
    let mut client = client(&script);
    call(&mut client).unwrap();
    let error = call(&mut client).unwrap_err();
    assert!(
        matches!(error, CallError::Answer(AnswerError::Envelope(error)) if error.what == EnvelopeErrorKind::WrongId)
    );
    assert!(!client.http().is_connected());
}

#[test]
fn an_error_object_wins_over_the_status() {
    for code in [200, 400, 404, 429, 500, 503] {
        let body = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"slow down"}}"#;
        let script = Script::new(9, &[&[status(code, body)]]);
        let mut client = client(&script);
        let error = call(&mut client).unwrap_err();
        assert_eq!(error.rpc().map(|error| error.code), Some(-32005), "{code}");
        assert_eq!(error.kind(), Kind::Retry);
        assert!(client.http().is_connected());
    }
}

#[test]
fn the_status_wins_over_anything_else() {
    for body in [
        "",
        "<html>Bad Gateway</html>",
        r#"{"error":"rate limit"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":"0x1"}"#,
        r#"{"jsonrpc":"2.0","id":9,"error":{"code":1}}"#,
    ] {
        let script = Script::new(9, &[&[status(503, body)], &[]]);
        let error = call(&mut client(&script)).unwrap_err();
        let retry_after_s = None;
        assert_eq!(
            error,
            CallError::Http(HttpError::Status {
                status: 503,
                retry_after_s
            }),
            "{body}"
        );
    }
}

#[test]
fn tells_what_the_answer_was_from_what_befell_it() {
    let is_envelope =
        |error: &CallError<_>| matches!(error, CallError::Answer(AnswerError::Envelope(_)));
    for body in [
        "",
        "{}",
        "[]",
        "nonsense",
        r#"{"jsonrpc":"2.0","id":1,"result":"0x1"}x"#,
    ] {
        let script = Script::new(9, &[&[status(200, body)]]);
        let error = call(&mut client(&script)).unwrap_err();
        assert!(is_envelope(&error), "{body}: {error:?}");
        assert_eq!(error.kind(), Kind::Remote);
    }
    let cut = answer("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"jsonrpc\"");
    let script = Script::new(9, &[&[cut]]);
    let error = call(&mut client(&script)).unwrap_err();
    assert!(
        matches!(error, CallError::Http(HttpError::Response(error)) if error.what == ResponseErrorKind::Truncated)
    );
    let script = Script::new(9, &[&[Step::FailRead(vec![], ErrorKind::TimedOut)]]);
    let error = call(&mut client(&script)).unwrap_err();
    assert_eq!(error, CallError::Http(HttpError::Read(ErrorKind::TimedOut)));
}

#[test]
fn a_refused_result_leaves_the_connection_open() {
    let number = ok(r#"{"jsonrpc":"2.0","id":1,"result":[1,2,3]}"#);
    let text = ok(r#"{"jsonrpc":"2.0","id":2,"result":"0x2"}"#);
    let script = Script::new(9, &[&[number, text]]);
    let mut client = client(&script);
    assert_eq!(
        call(&mut client),
        Err(CallError::Answer(AnswerError::Rejected))
    );
    assert_eq!(call(&mut client).as_deref(), Ok("0x2"));
    assert_eq!(script.connected.get(), 1);
}

#[test]
fn a_hostile_answer_is_bounded() {
    let long = format!(r#"{{"jsonrpc":"2.0","id":1,"junk":"{}""#, "A".repeat(1000));
    let script = Script::new(9, &[&[answer(&format!("HTTP/1.1 200 OK\r\n\r\n{long}"))]]);
    let error = call(&mut client(&script)).unwrap_err();
    assert!(
        matches!(error, CallError::Http(HttpError::Response(error)) if error.what == ResponseErrorKind::BodyTooLong)
    );
}

#[test]
fn errors_stay_small_enough_to_return() {
    assert!(
        size_of::<CallError<ErrorKind>>() <= 40,
        "{}",
        size_of::<CallError<ErrorKind>>()
    );
}

#[test]
fn state_is_as_small_as_the_docs_say() {
    let sizes = (size_of::<ResponseReader>(), size_of::<Envelope<'_>>());
    assert!(sizes.0 < 256 && sizes.1 < 400, "{sizes:?}");
}
