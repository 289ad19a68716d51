//! Lies below the answers: HTTP and JSON.

use coracle_client::eth::{ClientError, NodeError, Phase};
use coracle_core::{Error as _, Wei};
use coracle_eth::rpc::BlockTag;
use coracle_net::host::{HostError, block_on};
use coracle_net::http::{HttpError, ResponseErrorKind};
use coracle_net::rpc::{AnswerError, CallError, EnvelopeErrorKind};
use coracle_tests::{Ask, Device, DeviceError, Reply};
use serde_json::{Value, json};

use super::{Scene, assert_error};

/// Tells this lie on the way to a submit, and gives the error.
fn error_of(lie: impl Fn(&Ask) -> Reply + Send + 'static) -> CallError<HostError> {
    let mut scene = Scene::new(move |ask: &Ask| match ask.is("feeHistory") {
        true => lie(ask),
        false => ask.honest(),
    });
    let error = scene.submit(1).unwrap_err();
    assert_eq!(scene.phase(1), Phase::Queued, "nothing is written down");
    println!("{error} ({:?})", error.kind());
    scene.recover();
    let ClientError::Node(NodeError::Call(error)) = error else {
        panic!("{error:?}")
    };
    error
}

fn raw(head: &str, body: &str) -> Reply {
    Reply::Raw(format!("HTTP/1.1 {head}\r\n\r\n{body}").into_bytes())
}

#[test]
fn other_id() {
    for id in [json!(0), json!("1"), json!(4_294_967_296_u64), json!(null)] {
        let error = error_of(move |ask| {
            let mut answer = ask.forward();
            answer["id"] = id.clone();
            Reply::Json(answer)
        });
        assert_error!(
            error,
            CallError::Answer(AnswerError::Envelope(error))
                if error.what == EnvelopeErrorKind::WrongId
        );
    }
}

#[test]
fn two_results() {
    let error = error_of(|ask| {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":{},"result":{{}},"result":{{}}}}"#,
            ask.request["id"]
        );
        raw(&format!("200 OK\r\nContent-Length: {}", body.len()), &body)
    });
    assert_error!(
        error,
        CallError::Answer(AnswerError::Envelope(error))
            if error.what == EnvelopeErrorKind::Duplicate
    );
}

#[test]
fn flood() {
    const MEBIBYTE: usize = 1 << 20;
    let mut scene = Scene::new(|ask: &Ask| match ask.is("feeHistory") {
        true => Reply::Flood(64),
        false => ask.honest(),
    });
    let error = scene.submit(1).unwrap_err();
    assert_error!(
        error,
        ClientError::Node(NodeError::Call(CallError::Http(HttpError::Response(error))))
            if error.what == ResponseErrorKind::BodyTooLong
    );
    let down = scene.proxy.take_counts().down;
    // What was on its way between the two counts as sent.
    assert!(
        (16 * MEBIBYTE..48 * MEBIBYTE).contains(&down),
        "{down} bytes"
    );
    scene.recover();
}

#[test]
fn cut_short() {
    let error = error_of(|_| raw("200 OK\r\nContent-Length: 100", r#"{"jsonrpc":"2.0","#));
    assert_error!(
        error,
        CallError::Http(HttpError::Response(error)) if error.what == ResponseErrorKind::Truncated
    );
}

#[test]
fn deep_nesting() {
    let error = error_of(|ask| {
        let id = &ask.request["id"];
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{}"#,
            "[".repeat(100_000)
        );
        raw(&format!("200 OK\r\nContent-Length: {}", body.len()), &body)
    });
    assert_error!(
        error,
        CallError::Answer(AnswerError::Envelope(error))
            if matches!(error.what, EnvelopeErrorKind::Json(_))
    );
}

#[test]
fn length_too_small() {
    // An answer, then another one that the device has not asked for yet.
    let mut is_told = false;
    let mut scene = Scene::new(move |ask: &Ask| {
        if !ask.is("getBalance") || is_told {
            return ask.honest();
        }
        is_told = true;
        let id = ask.request["id"].as_u64().unwrap_or_default();
        let answer = |id: u64, wei: &str| {
            let body = json!({"jsonrpc": "2.0", "id": id, "result": wei}).to_string();
            let len = body.len();
            format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n{body}")
        };
        Reply::Raw(
            [answer(id, "0x1"), answer(id + 1, "0x2")]
                .concat()
                .into_bytes(),
        )
    });
    let me = scene.device.address();
    let mut balance = || block_on(scene.device.balance(me, BlockTag::Latest));
    assert_eq!(balance().unwrap().0, 1_u64.into());
    assert_ne!(balance().map(|wei| wei.0), Ok(2_u64.into()));
    assert_eq!(balance().unwrap(), Wei::parse_units("1", 18).unwrap());
    scene.recover();
}

#[test]
fn no_length() {
    for length in ["-1", "abc", "1, 2", "99999999999999999999999"] {
        let error = error_of(move |_| raw(&format!("200 OK\r\nContent-Length: {length}"), "{}"));
        assert_error!(
            error,
            CallError::Http(HttpError::Response(error))
                if matches!(error.what, ResponseErrorKind::BadLength
                    | ResponseErrorKind::BodyTooLong)
        );
    }
}

#[test]
fn redirect() {
    let error = error_of(|_| {
        raw(
            "302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0",
            "",
        )
    });
    assert_error!(error, CallError::Http(HttpError::Redirect { status: 302 }));
}

#[test]
fn no_json() {
    for status in [
        "200 OK",
        "500 Internal Server Error",
        "429 Too Many Requests",
    ] {
        let body = "<html>try later</html>";
        let head = format!("{status}\r\nContent-Length: {}", body.len());
        error_of(move |_| raw(&head, body));
    }
}

/// What the device prints of an error.
fn printed(device: &Device, error: &DeviceError) -> String {
    let text = error.explain(device.detail()).to_string();
    assert!(!text.chars().any(char::is_control), "{text:?}");
    text
}

#[test]
fn terminal_codes() {
    // Error(string) of "\x1b[2J\r\nok".
    let reason = "\u{1b}[2J\r\nok";
    let hex: String = reason.bytes().map(|byte| format!("{byte:02x}")).collect();
    let data = format!("0x08c379a0{:064x}{:064x}{hex:0<64}", 32, reason.len());
    let mut scene = Scene::new(move |ask: &Ask| match ask.is("estimateGas") {
        true => Reply::Json(json!({
            "jsonrpc": "2.0",
            "id": ask.request["id"],
            "error": {"code": 3, "message": reason, "data": data},
        })),
        false => ask.honest(),
    });
    let error = scene.submit(1).unwrap_err();
    assert_eq!(printed(&scene.device, &error), r"reverted: \u{1b}[2J\r\nok");
    scene
        .proxy
        .set_rule(move |ask: &Ask| match ask.is("estimateGas") {
            true => ask.error(-32000, reason),
            false => ask.honest(),
        });
    let error = scene.submit(1).unwrap_err();
    assert_eq!(
        printed(&scene.device, &error),
        r"node error -32000: \u{1b}[2J\r\nok"
    );
    scene.recover();
}

#[test]
fn slow_drip() {
    let mut scene = Scene::new(|ask: &Ask| Reply::Drip(ask.forward()));
    scene.send(1).unwrap();
    scene.recover();
}

#[test]
fn nothing_at_all() {
    for result in [
        json!(null),
        json!({}),
        json!([]),
        json!(7),
        json!("0x"),
        json!(true),
    ] {
        let alter = result.clone();
        let mut scene = Scene::new(move |ask: &Ask| match ask.is("feeHistory") {
            true => ask.altered(|found: &mut Value| *found = alter.clone()),
            false => ask.honest(),
        });
        let error = scene.submit(1).unwrap_err();
        assert_error!(error, ClientError::Node(NodeError::Answer(_)));
        scene.recover();
    }
}
