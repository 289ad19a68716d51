//! The JSON-RPC envelope alone: what surrounds a result, every split, and the vectors.

use coracle_core::json::{Event, JsonErrorKind, Reject, Visitor};
use coracle_net::rpc::{Answer, AnswerError, Envelope, EnvelopeErrorKind, ErrorText, RpcError};
use coracle_testkit::cases;

/// Writes down what the visitor of a result sees; may refuse it.
#[derive(Default)]
struct Log {
    text: String,
    refuses_null: bool,
}

impl Visitor for Log {
    fn event(&mut self, depth: usize, event: Event<'_>) -> Result<(), Reject> {
        if self.refuses_null && event == Event::Null {
            return Err(Reject);
        }
        self.text.push_str(&match event {
            Event::StrPart(part) => String::from_utf8_lossy(part).into_owned(),
            Event::Key(name) => format!("{depth}k{} ", String::from_utf8_lossy(name)),
            other => format!("{depth}{other:?} "),
        });
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Result(String),
    Envelope(EnvelopeErrorKind),
    Json(JsonErrorKind),
    Rpc(RpcError, ErrorText, Vec<u8>),
    Rejected,
}

fn outcome(id: u32, text: &[u8], piece: usize, refuses_null: bool) -> Outcome {
    let mut log = Log {
        refuses_null,
        ..Log::default()
    };
    let mut data = [0; 8];
    // The words of a call before this one.
    let mut message = stale();
    let parts = Answer {
        result: &mut log,
        message: Some(&mut message),
        error_data: &mut data,
    };
    let mut envelope = Envelope::new(id, parts);
    let mut failed = None;
    for piece in text.chunks(piece) {
        failed = failed.or(envelope.feed(piece).err());
    }
    let finished = envelope.finish();
    if let Some(error) = failed {
        assert_eq!(
            finished,
            Err(AnswerError::Envelope(error)),
            "the same error at the end"
        );
    }
    match finished {
        Ok(()) => Outcome::Result(log.text),
        Err(AnswerError::Rejected) => Outcome::Rejected,
        Err(AnswerError::Rpc(error)) => {
            let len = error.data_len.map_or(0, |len| data.len().min(len as usize));
            Outcome::Rpc(error, message, data[..len].to_vec())
        }
        Err(AnswerError::Envelope(error)) => match error.what {
            EnvelopeErrorKind::Json(error) => Outcome::Json(error.what),
            what => Outcome::Envelope(what),
        },
        Err(other) => panic!("{other:?}"),
    }
}

fn stale() -> ErrorText {
    let mut message = ErrorText::EMPTY;
    let parts = Answer {
        result: &mut Log::default(),
        message: Some(&mut message),
        error_data: &mut [],
    };
    let mut envelope = Envelope::new(1, parts);
    let refusal = br#"{"id":1,"error":{"code":1,"message":"stale"}}"#;
    envelope.feed(refusal).expect("a refusal");
    assert!(envelope.finish().is_err());
    assert_eq!(message.as_bytes(), b"stale");
    message
}

/// The outcome, the same for pieces of every size up to 64 and the whole.
fn outcome_any(id: u32, text: &str) -> Outcome {
    let whole = outcome(id, text.as_bytes(), text.len().max(1), false);
    for piece in 1..text.len().min(64) {
        assert_eq!(
            outcome(id, text.as_bytes(), piece, false),
            whole,
            "pieces of {piece}"
        );
    }
    whole
}

fn refused(what: EnvelopeErrorKind, texts: &[&str]) {
    for text in texts {
        assert_eq!(outcome_any(1, text), Outcome::Envelope(what), "{text}");
    }
}

fn rpc_error(text: &str) -> (RpcError, ErrorText, Vec<u8>) {
    match outcome_any(1, text) {
        Outcome::Rpc(error, message, data) => (error, message, data),
        other => panic!("{other:?}: {text}"),
    }
}

#[test]
fn shows_the_result_as_if_it_stood_alone() {
    let text = r#"{"jsonrpc":"2.0","x":{"result":[1]},"id":7,"result":{"a":[1,"b"],"id":2,"error":{}},"y":[]}"#;
    let seen = "0ObjectStart 1ka 1ArrayStart 2Number(\"1\") b2StrEnd 1ArrayEnd 1kid 1Number(\"2\") \
                1kerror 1ObjectStart 1ObjectEnd 0ObjectEnd ";
    assert_eq!(outcome_any(7, text), Outcome::Result(seen.into()));
}

#[test]
fn a_result_may_be_null_and_members_in_any_order() {
    let null = Outcome::Result("0Null ".into());
    for text in [
        r#"{"jsonrpc":"2.0","id":1,"result":null}"#,
        r#"{"result":null,"id":1}"#,
        r#"{"error":null,"result":null,"id":1,"jsonrpc":"2.0"}"#,
    ] {
        assert_eq!(outcome_any(1, text), null, "{text}");
    }
}

#[test]
fn refuses_other_values_than_one_object() {
    refused(
        EnvelopeErrorKind::Batch,
        &["[]", r#"[{"jsonrpc":"2.0","id":1,"result":1}]"#],
    );
    refused(
        EnvelopeErrorKind::NotObject,
        &["null", "\"a\"", "1 ", "true", "\"\""],
    );
    // A number ends with the text alone.
    refused(EnvelopeErrorKind::NotObject, &["1"]);
}

#[test]
fn refuses_what_comes_twice() {
    refused(
        EnvelopeErrorKind::Duplicate,
        &[
            r#"{"id":1,"result":1,"result":1}"#,
            r#"{"id":1,"result":null,"result":1}"#,
            r#"{"id":1,"id":1,"result":1}"#,
            r#"{"id":1,"i\u0064":1,"result":1}"#,
            r#"{"id":1,"error":null,"error":{"code":1}}"#,
            r#"{"id":1,"jsonrpc":"2.0","jsonrpc":"2.0","result":1}"#,
            r#"{"id":1,"error":{"code":1,"code":2}}"#,
            r#"{"id":1,"error":{"code":1,"message":"","message":"a"}}"#,
            r#"{"id":1,"error":{"code":1,"data":null,"data":"0x"}}"#,
        ],
    );
}

#[test]
fn refuses_other_versions() {
    refused(
        EnvelopeErrorKind::BadVersion,
        &[
            r#"{"jsonrpc":"1.0","id":1,"result":1}"#,
            r#"{"jsonrpc":"2.00","id":1,"result":1}"#,
            r#"{"jsonrpc":"2.","id":1,"result":1}"#,
            r#"{"jsonrpc":"","id":1,"result":1}"#,
            r#"{"jsonrpc":2.0,"id":1,"result":1}"#,
            r#"{"jsonrpc":null,"id":1,"result":1}"#,
            r#"{"jsonrpc":["2.0"],"id":1,"result":1}"#,
            r#"{"id":1,"result":1,"jsonrpc":"3"}"#,
        ],
    );
}

#[test]
fn refuses_answers_to_other_calls() {
    refused(
        EnvelopeErrorKind::WrongId,
        &[
            r#"{"id":2,"result":1}"#,
            r#"{"id":"1","result":1}"#,
            r#"{"id":1.0,"result":1}"#,
            r#"{"id":1e0,"result":1}"#,
            r#"{"id":-1,"result":1}"#,
            r#"{"id":4294967297,"result":1}"#,
            r#"{"id":true,"result":1}"#,
            r#"{"id":[1],"result":1}"#,
            r#"{"id":{"id":1},"result":1}"#,
            r#"{"id":null,"result":1}"#,
            r#"{"result":1}"#,
            r#"{"id":2,"error":{"code":1}}"#,
            r#"{"error":{"code":1}}"#,
            r#"{"id":null}"#,
            "{}",
        ],
    );
}

#[test]
fn refuses_both_and_neither() {
    refused(
        EnvelopeErrorKind::Both,
        &[
            r#"{"id":1,"result":1,"error":{"code":1}}"#,
            r#"{"id":1,"error":{"code":1},"result":[]}"#,
        ],
    );
    refused(
        EnvelopeErrorKind::Neither,
        &[
            r#"{"id":1}"#,
            r#"{"id":1,"error":null}"#,
            r#"{"id":1,"Result":1}"#,
        ],
    );
}

#[test]
fn refuses_malformed_error_objects() {
    refused(
        EnvelopeErrorKind::BadError,
        &[
            r#"{"id":1,"error":"boom"}"#,
            r#"{"id":1,"error":1}"#,
            r#"{"id":1,"error":false}"#,
            r#"{"id":1,"error":[{"code":1}]}"#,
            r#"{"id":1,"error":{}}"#,
            r#"{"id":1,"error":{"message":"x"}}"#,
            r#"{"id":1,"error":{"code":"1"}}"#,
            r#"{"id":1,"error":{"code":null}}"#,
            r#"{"id":1,"error":{"code":1.5}}"#,
            r#"{"id":1,"error":{"code":9223372036854775808}}"#,
            r#"{"id":1,"error":{"code":{"code":1}}}"#,
        ],
    );
}

#[test]
fn reads_error_objects() {
    let (error, message, data) = rpc_error(
        r#"{"id":null,"error":{"data":"0xCAfe","message":"no\n","code":-32000,"x":{"code":1}}}"#,
    );
    assert_eq!((error.code, error.data_len), (-32000, Some(2)));
    assert_eq!(message.as_bytes(), b"no\n");
    assert_eq!(error.to_string(), "node error -32000");
    assert_eq!(message.to_string(), r"no\n");
    assert_eq!(data, [0xca, 0xfe]);
    let (error, message, _) =
        rpc_error(r#"{"id":1,"result":null,"error":{"code":9223372036854775807,"message":null}}"#);
    assert_eq!(
        (error.code, message.as_bytes(), error.data_len),
        (i64::MAX, &b""[..], None)
    );
}

#[test]
fn finds_the_payload_where_nodes_put_it() {
    let cases: [(&str, Option<u32>, &[u8]); 18] = [
        ("\"0x\"", Some(0), &[]),
        ("\"0x0102030405060708\"", Some(8), &[1, 2, 3, 4, 5, 6, 7, 8]),
        // Longer than the buffer: the start and the true length.
        (
            "\"0x010203040506070809\"",
            Some(9),
            &[1, 2, 3, 4, 5, 6, 7, 8],
        ),
        ("\"Reverted 0x0a\"", Some(1), &[10]),
        (r#"{"message":"m","data":"0x0a"}"#, Some(1), &[10]),
        (
            r#"{"hash":"0x1234","result":"0x0a","reason":"r"}"#,
            Some(1),
            &[10],
        ),
        (
            r#"{"0xab":{"error":"revert","return":"0x0a"},"stack":"0x0b"}"#,
            Some(1),
            &[10],
        ),
        (r#"{"data":"none","result":"0x0a"}"#, Some(1), &[10]),
        (r#"{"data":"0x0a","result":"0x0b"}"#, Some(1), &[10]),
        ("null", None, &[]),
        ("7", None, &[]),
        ("[\"0x0a\"]", None, &[]),
        ("{\"data\":[\"0x0a\"]}", None, &[]),
        ("\"\"", None, &[]),
        ("\"0x0\"", None, &[]),
        ("\"0xzz\"", None, &[]),
        ("\"0X0a\"", None, &[]),
        ("\"0a\"", None, &[]),
    ];
    for (value, len, bytes) in cases {
        let (error, _, data) = rpc_error(&format!(
            r#"{{"id":1,"error":{{"code":3,"data":{value}}}}}"#
        ));
        assert_eq!((error.data_len, &data[..]), (len, bytes), "{value}");
    }
}

#[test]
fn a_refused_result_gives_way_to_the_nodes_error() {
    let text = br#"{"id":1,"result":null,"error":{"code":5}}"#;
    assert!(matches!(outcome(1, text, 9, true), Outcome::Rpc(error, ..) if error.code == 5));
    let text = br#"{"id":1,"result":null}"#;
    assert_eq!(outcome(1, text, 9, true), Outcome::Rejected);
    let text = br#"{"id":2,"result":null}"#;
    assert_eq!(
        outcome(1, text, 9, true),
        Outcome::Envelope(EnvelopeErrorKind::WrongId)
    );
}

#[test]
fn every_cut_is_noticed() {
    let text = r#"{"jsonrpc":"2.0","id":1,"result":{"a":"0x1"},"z":[true,null,"-"]}"#;
    assert!(matches!(outcome_any(1, text), Outcome::Result(_)));
    for cut in 0..text.len() {
        let got = outcome(1, &text.as_bytes()[..cut], 5, false);
        assert_eq!(
            got,
            Outcome::Json(JsonErrorKind::Truncated),
            "{}",
            &text[..cut]
        );
    }
}

/// Cases whose text is a well-formed answer, but not of the type that the method has:
/// the reader of that type decides (`coracle-eth`). What the envelope hands on for them.
const TYPED: [(&str, &str); 12] = [
    ("hostile/data-no0x", "12340StrEnd "),
    ("hostile/data-odd", "0x1230StrEnd "),
    (
        "hostile/hash-31",
        "0x111111111111111111111111111111111111111111111111111111111111110StrEnd ",
    ),
    (
        "hostile/hash-33",
        "0x1111111111111111111111111111111111111111111111111111111111111111110StrEnd ",
    ),
    (
        "hostile/quantity-array",
        "0ArrayStart 0x11StrEnd 0ArrayEnd ",
    ),
    ("hostile/quantity-bool", "0Bool(true) "),
    ("hostile/quantity-leading-zero", "0x0100StrEnd "),
    ("hostile/quantity-negative", "-0x10StrEnd "),
    ("hostile/quantity-null", "0Null "),
    ("hostile/quantity-number", "0Number(\"16\") "),
    ("hostile/quantity-space", " 0x10StrEnd "),
    (
        "hostile/quantity-u64-overflow",
        "0x100000000000000000StrEnd ",
    ),
];

#[test]
fn hostile_vectors() {
    let mut handled = 0;
    for case in cases("ethereum/jsonrpc_hostile.json") {
        let id = u32::try_from(case.0["id"].as_u64().unwrap()).unwrap();
        let got = outcome_any(id, case.str("response"));
        let name = case.name();
        if let Some((_, seen)) = TYPED.iter().find(|(typed, _)| *typed == name) {
            assert_eq!(got, Outcome::Result((*seen).into()), "{name}");
            handled += 1;
            continue;
        }
        let is_error = matches!(got, Outcome::Envelope(_) | Outcome::Json(_));
        let is_rpc = matches!(got, Outcome::Rpc(..));
        match case.str("expect") {
            "ok" => assert!(matches!(got, Outcome::Result(_)), "{name}: {got:?}"),
            "error" => assert!(is_error, "{name}: {got:?}"),
            "rpc-error" => assert!(is_rpc, "{name}: {got:?}"),
            "any-error" => assert!(is_error || is_rpc, "{name}: {got:?}"),
            // It ended, which is what they ask.
            "any" | "bounded" => {}
            other => panic!("{name}: {other}"),
        }
        handled += 1;
    }
    assert_eq!(handled, 33);
}

#[test]
fn transcript_vectors() {
    let (mut results, mut errors, mut batches) = (0, 0, 0);
    for case in cases("ethereum/jsonrpc_transcripts.json") {
        let id = case.0["request"]["id"].as_u64().unwrap_or(1);
        let got = outcome_any(u32::try_from(id).unwrap(), case.str("response"));
        let answer: serde_json::Value = serde_json::from_str(case.str("response")).unwrap();
        match case.str("kind") {
            "result" | "null" => {
                let Outcome::Result(seen) = got else {
                    panic!("{}: {got:?}", case.name());
                };
                if let Some(text) = answer["result"].as_str() {
                    assert_eq!(seen, format!("{text}0StrEnd "), "{}", case.name());
                }
                assert_eq!(
                    seen == "0Null ",
                    case.str("kind") == "null",
                    "{}",
                    case.name()
                );
                results += 1;
            }
            "error" => {
                let Outcome::Rpc(error, text, _) = got else {
                    panic!("{}: {got:?}", case.name());
                };
                let expected = &answer["error"];
                assert_eq!(
                    Some(error.code),
                    expected["code"].as_i64(),
                    "{}",
                    case.name()
                );
                let message = expected["message"].as_str().unwrap();
                assert_eq!(text.as_bytes(), message.as_bytes(), "{}", case.name());
                let data_len = expected["data"]
                    .as_str()
                    .map(|hex| u32::try_from((hex.len() - 2) / 2).unwrap());
                assert_eq!(error.data_len, data_len, "{}", case.name());
                errors += 1;
            }
            "batch" => {
                assert_eq!(
                    got,
                    Outcome::Envelope(EnvelopeErrorKind::Batch),
                    "{}",
                    case.name()
                );
                batches += 1;
            }
            other => panic!("{}: {other}", case.name()),
        }
    }
    assert_eq!((results, errors, batches), (28, 14, 1));
}
