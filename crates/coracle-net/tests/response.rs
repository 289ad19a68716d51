//! The HTTP answer reader alone: every split, and what it refuses.

use coracle_net::http::ResponseErrorKind::{self, *};
use coracle_net::http::{ResponseReader, Stop};

const MAX_BODY_LEN: usize = 64;

/// Status, body, whether the connection may be kept, bytes used.
type Outcome = Result<(u16, Vec<u8>, bool, usize), ResponseErrorKind>;

fn read(answer: &[u8], piece: usize) -> Outcome {
    let mut body = Vec::new();
    let mut reader = ResponseReader::new(MAX_BODY_LEN);
    let mut used = 0;
    for piece in answer.chunks(piece) {
        let mut out = |piece: &[u8]| {
            assert!(!piece.is_empty(), "an empty piece");
            body.extend_from_slice(piece);
            Ok(())
        };
        used += reader.feed(piece, &mut out).map_err(|error| error.what)?;
    }
    reader.finish().map_err(|error| error.what)?;
    let head = reader.head().expect("a finished answer has a head");
    Ok((head.status, body, head.keep_alive, used))
}

/// The outcome, the same for pieces of every size.
fn read_any(answer: &[u8]) -> Outcome {
    let whole = read(answer, answer.len().max(1));
    for piece in 1..answer.len() {
        let text = String::from_utf8_lossy(answer);
        assert_eq!(read(answer, piece), whole, "pieces of {piece}: {text:?}");
    }
    whole
}

fn ok(status: u16, body: &str, keep_alive: bool, answer: &str) {
    let outcome = read_any(answer.as_bytes());
    let expected = Ok((status, body.as_bytes().to_vec(), keep_alive, answer.len()));
    assert_eq!(outcome, expected, "{answer:?}");
}

fn refused(what: ResponseErrorKind, answer: &str) {
    assert_eq!(read_any(answer.as_bytes()), Err(what), "{answer:?}");
}

#[test]
fn reads_a_body_of_known_length() {
    ok(
        200,
        "{}",
        true,
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    );
    ok(
        200,
        "{}",
        true,
        "HTTP/1.1 200\r\ncontent-length:2\r\n\r\n{}",
    );
    ok(
        200,
        "{}",
        true,
        "HTTP/1.1 200 \r\nCONTENT-LENGTH: \t 002 \t\r\n\r\n{}",
    );
    ok(
        599,
        "",
        true,
        "HTTP/1.1 599 \u{e9}\tx\r\nContent-Length: 0\r\n\r\n",
    );
    ok(
        200,
        "{}",
        false,
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    );
}

#[test]
fn reads_chunks_and_passes_over_extensions_and_trailers() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n";
    ok(200, "", true, &format!("{head}0\r\n\r\n"));
    ok(
        200,
        "abcde",
        true,
        &format!("{head}3\r\nabc\r\n2;x=\"y\"\r\nde\r\n0;z\r\nA: b\r\nC:d\r\n\r\n"),
    );
    ok(
        200,
        &"x".repeat(26),
        true,
        &format!("{head}0001A\r\n{}\r\n000\r\n\r\n", "x".repeat(26)),
    );
}

#[test]
fn reads_until_the_connection_ends() {
    ok(
        200,
        "{} \r\n0\r\n",
        false,
        "HTTP/1.1 200 OK\r\n\r\n{} \r\n0\r\n",
    );
    ok(
        200,
        "",
        false,
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n",
    );
}

#[test]
fn statuses_without_a_body_end_with_the_head() {
    ok(204, "", true, "HTTP/1.1 204 No Content\r\n\r\n");
    ok(
        304,
        "",
        true,
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    );
}

#[test]
fn connection_options_are_a_list_in_any_case() {
    let answer = |value: &str| {
        format!("HTTP/1.1 200 OK\r\nConnection: {value}\r\nContent-Length: 0\r\n\r\n")
    };
    for (value, keep_alive) in [
        ("close", false),
        ("Close", false),
        ("upgrade , CLOSE", false),
        ("keep-alive", true),
        ("closed", true),
        ("x-close", true),
        // Too long to look at: the careful answer.
        ("keep-alive, and-a-lot-more-than-we-hold", false),
    ] {
        ok(200, "", keep_alive, &answer(value));
    }
}

#[test]
fn passes_over_interim_answers() {
    let continued =
        "HTTP/1.1 100 Continue\r\nX: y\r\nContent-Length: 9\r\nConnection: close\r\n\r\n";
    let last = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    ok(200, "{}", true, &format!("{}{last}", continued.repeat(4)));
    refused(BadInterim, &format!("{}{last}", continued.repeat(5)));
    refused(BadInterim, "HTTP/1.1 101 Switching Protocols\r\n\r\n");
}

#[test]
fn tells_how_long_to_wait() {
    for (value, seconds) in [
        ("120", Some(120)),
        ("0", Some(0)),
        ("4294967296", None),
        ("-1", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ] {
        let answer =
            format!("HTTP/1.1 429 Slow\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n");
        let mut reader = ResponseReader::new(0);
        reader.feed(answer.as_bytes(), &mut |_| Ok(())).unwrap();
        assert_eq!(reader.head().unwrap().retry_after_s, seconds, "{value}");
    }
}

#[test]
fn leaves_what_follows_the_answer() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n";
    let mut reader = ResponseReader::new(9);
    let used = reader.feed(answer, &mut |_| Ok(())).unwrap();
    assert_eq!(&answer[used..], b"HTTP/1.1 200 OK\r\n");
    assert_eq!(reader.feed(b"more", &mut |_| Err(Stop)), Ok(0));
}

#[test]
fn refuses_what_is_not_http() {
    for answer in [
        "{\"jsonrpc\":\"2.0\"}",
        "<html>",
        " HTTP/1.1 200 OK\r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n",
        "HTTP/1.10 200 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 600 OK\r\n\r\n",
        "HTTP/1.1\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}",
    ] {
        refused(NotHttp, answer);
    }
}

#[test]
fn refuses_malformed_heads() {
    for rest in [
        " OK\n\r\n",
        " OK\r\r\n",
        "0 OK\r\n\r\n",
        " O\0K\r\n\r\n",
        " O\u{7f}K\r\n\r\n",
        " OK\r\n: v\r\n\r\n",
        " OK\r\nName\r\n\r\n",
        " OK\r\nName : v\r\n\r\n",
        " OK\r\nNa me: v\r\n\r\n",
        " OK\r\nNé: v\r\n\r\n",
        " OK\r\n Name: v\r\n\r\n",
        " OK\r\nName: v\r\n folded\r\n\r\n",
        " OK\r\nName: v\r\n\tfolded\r\n\r\n",
        " OK\r\nName: v\nOther: w\r\n\r\n",
        " OK\r\nName: v\rw\r\n\r\n",
        " OK\r\nName: \0\r\n\r\n",
        " OK\r\nName: v\r\n\n",
        " OK\r\nName: v\r\n\rx",
    ] {
        refused(BadHead, &format!("HTTP/1.1 200{rest}"));
    }
}

#[test]
fn refuses_lengths_that_lie() {
    for fields in [
        "Content-Length: 2\r\nContent-Length: 3\r\n",
        "Content-Length: 2\r\nContent-Length: 2\r\n",
        "Content-Length: 2, 2\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: +1\r\n",
        "Content-Length: 0x2\r\n",
        "Content-Length: 2 2\r\n",
        "Content-Length: 2.0\r\n",
        "Content-Length:\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Length: 000000000000000000000000000000002\r\n",
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
    ] {
        refused(BadLength, &format!("HTTP/1.1 200 OK\r\n{fields}\r\n{{}}"));
    }
}

#[test]
fn refuses_encodings_that_were_not_asked_for() {
    for fields in [
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding:\r\n",
        "Content-Encoding: gzip\r\n",
        "Content-Encoding: br\r\nContent-Length: 2\r\n",
    ] {
        refused(BadEncoding, &format!("HTTP/1.1 200 OK\r\n{fields}\r\n{{}}"));
    }
    refused(
        BadEncoding,
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    );
    ok(
        200,
        "",
        true,
        "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 0\r\n\r\n",
    );
    // Names that only begin alike decide nothing.
    ok(
        200,
        "{}",
        false,
        "HTTP/1.1 200 OK\r\nTransfer-Encodings: gzip\r\nContent-Lengths: 9\r\n\r\n{}",
    );
}

#[test]
fn refuses_bad_chunks() {
    let long_extension = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(64));
    let long_trailer = format!("0\r\nA: {}\r\n\r\n", "x".repeat(1024));
    let many_trailers = format!("0\r\n{}\r\n", "A: b\r\n".repeat(300));
    for body in [
        "x\r\n",
        "\r\n",
        "-1\r\n",
        "+1\r\na",
        "0x1\r\na\r\n",
        " 1\r\na\r\n",
        "1 \r\na\r\n",
        "1\na\r\n",
        "1\r\nab\r\n",
        "1\r\na\n0\r\n\r\n",
        "1\r\na0\r\n\r\n",
        "1\r\na\rx",
        "1;\n",
        "1;a\0\r\n",
        "0\r\n\n",
        "0\r\nA: b\n",
        "0\r\nA: b\rx",
        "0\r\nA: \0\r\n",
        "0\r\n\rx",
        "10000000000000000\r\n",
        "fffffffffffffffff\r\n",
        &long_extension,
        &long_trailer,
        &many_trailers,
        &"0".repeat(65),
    ] {
        refused(
            BadChunk,
            &format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}"),
        );
    }
}

#[test]
fn bounds_the_body_before_and_while_it_comes() {
    let head = "HTTP/1.1 200 OK\r\n";
    let (max, over) = ("x".repeat(64), "x".repeat(65));
    ok(
        200,
        &max,
        true,
        &format!("{head}Content-Length: 64\r\n\r\n{max}"),
    );
    ok(200, &max, false, &format!("{head}\r\n{max}"));
    // The length alone is enough.
    refused(BodyTooLong, &format!("{head}Content-Length: 65\r\n\r\n"));
    refused(
        BodyTooLong,
        &format!("{head}Content-Length: 18446744073709551615\r\n\r\n"),
    );
    refused(BodyTooLong, &format!("{head}\r\n{over}"));
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
    ok(
        200,
        &max,
        true,
        &format!(
            "{chunked}20\r\n{0}\r\n20\r\n{0}\r\n0\r\n\r\n",
            "x".repeat(32)
        ),
    );
    refused(BodyTooLong, &format!("{chunked}41\r\n"));
    refused(BodyTooLong, &format!("{chunked}40\r\n{max}\r\n1\r\n"));
    refused(BodyTooLong, &format!("{chunked}ffffffffffffffff\r\n"));
}

#[test]
fn bounds_the_head() {
    let answer = |fields: usize| {
        let fields = "A: b\r\n".repeat(fields);
        format!("HTTP/1.1 200 OK\r\n{fields}\r\n")
    };
    assert!(read(answer(64).as_bytes(), 1).is_ok());
    assert_eq!(read(answer(65).as_bytes(), 1), Err(TooManyFields));
    let answer = |len: usize| {
        let frame = "HTTP/1.1 200 OK\r\nA: \r\n\r\n".len();
        format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "x".repeat(len - frame))
    };
    assert!(read(answer(8192).as_bytes(), 1000).is_ok());
    assert_eq!(read(answer(8193).as_bytes(), 1000), Err(HeadTooLong));
}

#[test]
fn every_cut_is_noticed_where_the_length_is_known() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ] {
        for cut in 0..answer.len() {
            assert_eq!(
                read(&answer.as_bytes()[..cut], 3),
                Err(Truncated),
                "{:?}",
                &answer[..cut]
            );
        }
    }
}

#[test]
fn names_the_byte() {
    let mut reader = ResponseReader::new(9);
    let error = reader
        .feed(b"HTTP/1.1 200 OK\r\nA b", &mut |_| Ok(()))
        .unwrap_err();
    assert_eq!((error.what, error.at), (BadHead, 18));
    assert_eq!(error.to_string(), "malformed answer head at byte 18");
}

#[test]
fn the_receiver_can_stop() {
    let mut reader = ResponseReader::new(9);
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    let error = reader.feed(answer, &mut |_| Err(Stop)).unwrap_err();
    assert_eq!(error.what, Stopped);
}
