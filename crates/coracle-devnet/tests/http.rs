//! The server: what it answers, what it refuses, when it closes.

mod common;

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use coracle_devnet::{Mining, Server};
use serde_json::json;

use common::{Client, Tx, funded, hex0x};

const CHAIN_ID: &str = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}"#;

fn server() -> Server {
    let (devnet, _) = funded(Mining::Automatic);
    devnet.serve("127.0.0.1:0").unwrap()
}

/// Status of the answer to `head`, an empty line and `body`; then whether the
/// server closed.
fn status(server: &Server, head: &str, body: &str) -> (u16, bool) {
    let mut client = Client::new(server);
    let answer = client.raw(format!("{head}\r\n\r\n{body}").as_bytes());
    assert!(answer.header("content-length").is_some());
    let closing = answer.header("connection") == Some("close");
    (answer.status, closing && client.is_closed())
}

#[test]
fn one_connection_carries_many_requests() {
    let server = server();
    let mut client = Client::new(&server);
    for _ in 0..50 {
        let answer = client.post(CHAIN_ID);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.json()["result"], "0x7a69");
    }
}

#[test]
fn requests_may_come_before_the_answers_are_read_and_in_pieces() {
    let server = server();
    let mut client = Client::new(&server);
    let request = format!(
        "POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{CHAIN_ID}",
        CHAIN_ID.len()
    );
    client.raw(request.repeat(2).as_bytes());
    assert_eq!(client.read().status, 200);

    let mut stream = TcpStream::connect(server.addr()).unwrap();
    for byte in request
        .replace("HTTP/1.1\r\n", "HTTP/1.1\r\nConnection: close\r\n")
        .bytes()
    {
        stream.write_all(&[byte]).unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with('}'),
        "{answer}"
    );
}

#[test]
fn a_whole_transaction_travels_over_http() {
    let (devnet, account) = funded(Mining::Automatic);
    let server = devnet.serve("127.0.0.1:0").unwrap();
    assert_eq!(server.url(), format!("http://{}", server.addr()));
    let mut client = Client::new(&server);
    let raw = hex0x(Tx::new(0).sign(&account));
    let sent = client.request("eth_sendRawTransaction", &json!([raw]));
    let receipt = client.request("eth_getTransactionReceipt", &json!([sent["result"]]));
    assert_eq!(receipt["result"]["status"], "0x1");
    assert_eq!(server.devnet().mined_from(account.address).len(), 1);
}

#[test]
fn a_batch_is_one_body() {
    let server = server();
    let answer = Client::new(&server).post(&format!("[{CHAIN_ID},{CHAIN_ID}]"));
    assert_eq!(answer.json().as_array().unwrap().len(), 2);
}

#[test]
fn malformed_json_is_answered_with_200_and_the_connection_lives() {
    let server = server();
    let mut client = Client::new(&server);
    for body in ["", "{", "[]", "\0"] {
        let answer = client.post(body);
        assert_eq!(answer.status, 200);
        assert!(answer.json()["error"]["code"].is_number());
    }
    assert_eq!(client.post(CHAIN_ID).json()["result"], "0x7a69");
}

#[test]
fn close_is_honoured_and_http_1_0_closes_by_default() {
    let server = server();
    let length = format!("Content-Length: {}", CHAIN_ID.len());
    for (head, closes) in [
        (
            format!("POST / HTTP/1.1\r\nConnection: close\r\n{length}"),
            true,
        ),
        (format!("POST / HTTP/1.0\r\n{length}"), true),
        (
            format!("POST / HTTP/1.0\r\nConnection: Keep-Alive\r\n{length}"),
            false,
        ),
    ] {
        let mut client = Client::new(&server);
        let answer = client.raw(format!("{head}\r\n\r\n{CHAIN_ID}").as_bytes());
        assert_eq!(answer.json()["result"], "0x7a69");
        assert_eq!(
            answer.header("connection") == Some("close"),
            closes,
            "{head}"
        );
        if closes {
            assert!(client.is_closed(), "{head}");
        } else {
            assert_eq!(client.post(CHAIN_ID).status, 200);
        }
    }
}

#[test]
fn requests_it_cannot_take_get_a_status_and_the_connection_closes() {
    let server = server();
    let many = format!("POST / HTTP/1.1\r\nX: {}", "y".repeat(9000));
    let cases = [
        ("GET / HTTP/1.1\r\nHost: x", 405),
        ("PUT / HTTP/1.1\r\nContent-Length: 0", 405),
        ("POST / HTTP/1.1\r\nHost: x", 411),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked", 501),
        ("POST / HTTP/1.1\r\nContent-Length: 1048577", 413),
        (
            "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999999",
            413,
        ),
        ("POST / HTTP/1.1\r\nContent-Length: -1", 400),
        ("POST / HTTP/1.1\r\nContent-Length: +1", 400),
        ("POST / HTTP/1.1\r\nContent-Length: 0x10", 400),
        ("POST / HTTP/1.1\r\nContent-Length: 1, 1", 400),
        ("POST / HTTP/1.1\r\nContent-Length:", 400),
        (
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 0",
            415,
        ),
        ("POST / HTTP/2.0\r\nContent-Length: 0", 505),
        ("POST / HTTP/1.1\r\nno colon here", 400),
        ("POST  / HTTP/1.1", 400),
        ("POST x HTTP/1.1", 400),
        ("POST /", 400),
        ("nonsense", 400),
        ("\u{ff}\u{fe}", 400),
        ("POST / HTTP/1.1\nContent-Length: 0", 400),
        (&many, 431),
    ];
    for (head, expected) in cases {
        let found = status(&server, head, "");
        assert_eq!(found, (expected, true), "{head:.60}");
    }
    assert_eq!(Client::new(&server).post(CHAIN_ID).status, 200);
}

#[test]
fn the_largest_body_is_taken_and_one_byte_more_is_not() {
    let server = server();
    let padded = format!("{CHAIN_ID}{}", " ".repeat(1024 * 1024 - CHAIN_ID.len()));
    let mut client = Client::new(&server);
    assert_eq!(client.post(&padded).json()["result"], "0x7a69");
    let answer = client.post(&format!("{padded} "));
    assert_eq!(answer.status, 413);
    assert!(client.is_closed());
}

#[test]
fn a_client_that_expects_continue_gets_it() {
    let server = server();
    let mut client = Client::new(&server);
    let head = format!(
        "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        CHAIN_ID.len()
    );
    assert_eq!(client.raw(head.as_bytes()).status, 100);
    assert_eq!(client.raw(CHAIN_ID.as_bytes()).json()["result"], "0x7a69");
}

#[test]
fn a_peer_that_leaves_in_the_middle_harms_nobody() {
    let server = server();
    for bytes in ["", "POST", "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n{"] {
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        stream.write_all(bytes.as_bytes()).unwrap();
        drop(stream);
    }
    assert_eq!(Client::new(&server).post(CHAIN_ID).status, 200);
}

#[test]
fn too_many_connections_are_turned_away() {
    let server = server();
    let mut clients: Vec<Client> = (0..64).map(|_| Client::new(&server)).collect();
    for client in &mut clients {
        assert_eq!(client.post(CHAIN_ID).status, 200);
    }
    assert_eq!(Client::new(&server).read().status, 503);
    assert_eq!(clients[0].post(CHAIN_ID).status, 200);
}

#[test]
fn dropping_the_server_closes_open_connections_and_the_port() {
    let server = server();
    let addr = server.addr();
    let mut client = Client::new(&server);
    assert_eq!(client.post(CHAIN_ID).status, 200);
    drop(server);
    assert!(client.is_closed());
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn many_clients_at_once_see_one_chain() {
    let server = server();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = Client::new(&server);
                for _ in 0..20 {
                    client.request("evm_mine", &json!([]));
                }
            });
        }
    });
    assert_eq!(server.devnet().height(), 160);
}
