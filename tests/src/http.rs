//! JSON-RPC over a plain socket: the tests' own view of a node, which shares no code
//! with what is tested.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

/// The result of one call; panics where there is none.
#[expect(clippy::panic, reason = "a test that its node refuses has failed")]
pub fn rpc(url: &str, method: &str, params: Value) -> Value {
    let mut answer = call(url, method, params);
    if !answer["error"].is_null() {
        panic!("{method}: {}", answer["error"]);
    }
    answer["result"].take()
}

/// The error object of one call; panics where it is answered.
pub fn rpc_error(url: &str, method: &str, params: Value) -> Value {
    let mut answer = call(url, method, params);
    assert!(!answer["error"].is_null(), "{method} was answered");
    answer["error"].take()
}

#[expect(clippy::expect_used, reason = "a test that cannot ask has failed")]
fn call(url: &str, method: &str, params: Value) -> Value {
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let body = post(url, request.to_string().as_bytes()).expect("the node answers");
    serde_json::from_slice(&body).expect("JSON")
}

/// Posts a body to `http://host:port` and returns the body of the answer.
///
/// # Errors
///
/// Those of the socket.
pub fn post(url: &str, body: &[u8]) -> std::io::Result<Vec<u8>> {
    let host = url.strip_prefix("http://").unwrap_or(url);
    let mut socket = TcpStream::connect(host)?;
    socket.set_nodelay(true)?;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    socket.write_all(&[head.as_bytes(), body].concat())?;
    let mut reader = BufReader::new(socket);
    let (_, len) = read_head(&mut reader)?;
    let mut answer = vec![0; len];
    reader.read_exact(&mut answer)?;
    Ok(answer)
}

/// Reads a request or status line with its headers; gives the bytes of it and the
/// length of the body.
pub(crate) fn read_head(reader: &mut impl BufRead) -> std::io::Result<(usize, usize)> {
    let (mut read, mut body) = (0, 0);
    loop {
        let mut line = String::new();
        let len = reader.read_line(&mut line)?;
        if len == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        read += len;
        if line == "\r\n" {
            return Ok((read, body));
        }
        let line = line.to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            body = value.trim().parse().unwrap_or(0);
        }
    }
}
