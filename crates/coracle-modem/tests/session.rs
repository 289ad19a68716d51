//! Whole sessions with the small modem.

mod support;

use coracle_modem::{Error, Quectel, Security};
use embedded_io_async::{Read, Write};
use support::{Bench, quectel};

#[test]
fn attaches_opens_sends_receives_and_closes() {
    let bench = Bench::new(quectel::fake());
    let modem = bench.modem(Quectel);
    bench.run(async {
        let mut socket = modem
            .open("example.org", 80, Security::Plain)
            .await
            .unwrap();
        socket.write_all(b"hello").await.unwrap();
        let mut out = [0; 16];
        let read = socket.read(&mut out).await.unwrap();
        assert_eq!(&out[..read], b"hello");
        drop(socket);
        let again = modem.open("example.org", 80, Security::Plain).await;
        assert!(again.is_ok());
    });
    assert!(
        bench.log().contains(&"AT+QICLOSE=0".to_string()),
        "{:?}",
        bench.log()
    );
}

#[test]
fn payload_that_looks_like_answers_stays_payload() {
    let bench = Bench::new(quectel::fake());
    let modem = bench.modem(Quectel);
    let tricky = b"\r\nOK\r\n\r\n+QIURC: \"closed\",0\r\nERROR\r\nRDY\r\n> SEND FAIL\r\n";
    bench.run(async {
        let mut socket = modem
            .open("example.org", 80, Security::Plain)
            .await
            .unwrap();
        socket.write_all(tricky).await.unwrap();
        let mut out = [0; 100];
        socket.read_exact(&mut out[..tricky.len()]).await.unwrap();
        assert_eq!(&out[..tricky.len()], tricky);
        assert_eq!(socket.read(&mut out).await, Err(Error::Timeout));
    });
}
