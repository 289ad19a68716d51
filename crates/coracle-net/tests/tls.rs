//! https with certificates made here: what is trusted, and what is refused.
#![cfg(feature = "tls")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use coracle_core::{Error as _, ErrorKind as Kind};
use coracle_net::Endpoint;
use coracle_net::host::{CertificateFault, HostConfig, HostError, HostStack, block_on};
use coracle_net::http::{HttpClient, HttpConfig, HttpError, Target};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A server with a certificate of this authority, which answers as many requests on
    /// each connection as the plan says, then drops it without a farewell.
    fn serve(
        &self,
        names: &[&str],
        years: (i32, i32),
        plan: &'static [usize],
    ) -> (u16, JoinHandle<bool>) {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = server_config(vec![certificate.der().clone()], key);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        (
            port,
            thread::spawn(move || {
                plan.iter()
                    .all(|count| answer(&listener, config.clone(), *count))
            }),
        )
    }

    fn root(&self) -> &[u8] {
        self.0.der()
    }
}

fn server_config(
    chain: Vec<rustls::pki_types::CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Arc::new(config)
}

/// Whether all requests came through.
fn answer(listener: &TcpListener, config: Arc<ServerConfig>, count: usize) -> bool {
    let (socket, _) = listener.accept().unwrap();
    let connection = ServerConnection::new(config).unwrap();
    let mut stream = StreamOwned::new(connection, socket);
    for _ in 0..count {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read_exact(&mut byte).is_err() {
                return false;
            }
            request.push(byte[0]);
        }
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes";
        if stream.write_all(answer).is_err() {
            return false;
        }
    }
    true
}

fn post(root: &[u8], url: &str, count: usize) -> Result<String, HttpError<HostError>> {
    let stack = HostStack::with_roots(HostConfig::default(), &[root]).unwrap();
    let target = Target {
        endpoint: Endpoint::parse(url).unwrap(),
        headers: &[],
    };
    let config = HttpConfig {
        max_body_len: 100,
        keep_alive: true,
    };
    let mut client = HttpClient::new(&stack, target, config);
    let mut got = Vec::new();
    for _ in 0..count {
        let mut out = |piece: &[u8]| {
            got.extend_from_slice(piece);
            Ok(())
        };
        block_on(client.post_json(&&b""[..], &mut [0; 50], &mut out))?;
    }
    Ok(String::from_utf8(got).unwrap())
}

/// Far around today, whatever the clock of this machine says within reason.
const VALID: (i32, i32) = (2000, 2100);

#[test]
fn a_trusted_certificate_for_the_name_is_accepted() {
    let authority = Authority::new("ours");
    for name in ["localhost", "127.0.0.1"] {
        let (port, server) = authority.serve(&[name], VALID, &[2]);
        let url = format!("https://{name}:{port}/");
        assert_eq!(post(authority.root(), &url, 2).as_deref(), Ok("yesyes"));
        assert!(server.join().unwrap());
    }
}

#[test]
fn a_kept_connection_that_was_dropped_is_replaced() {
    let authority = Authority::new("ours");
    let (port, server) = authority.serve(&["localhost"], VALID, &[1, 1]);
    let url = format!("https://localhost:{port}/");
    assert_eq!(post(authority.root(), &url, 2).as_deref(), Ok("yesyes"));
    assert!(server.join().unwrap());
}

fn refused(
    authority: &Authority,
    trusted: &Authority,
    names: &[&str],
    years: (i32, i32),
    fault: CertificateFault,
) {
    let (port, server) = authority.serve(names, years, &[1]);
    let error = post(trusted.root(), &format!("https://localhost:{port}/"), 1).unwrap_err();
    assert_eq!(error, HttpError::Connect(HostError::Certificate(fault)));
    assert_eq!(error.kind(), Kind::Remote);
    assert!(!server.join().unwrap(), "no request may reach it");
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let (authority, other) = (Authority::new("theirs"), Authority::new("ours"));
    refused(
        &authority,
        &other,
        &["localhost"],
        VALID,
        CertificateFault::UnknownIssuer,
    );
}

#[test]
fn a_certificate_of_a_namesake_of_the_authority_is_refused() {
    let (namesake, authority) = (Authority::new("ours"), Authority::new("ours"));
    refused(
        &namesake,
        &authority,
        &["localhost"],
        VALID,
        CertificateFault::Bad,
    );
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new("ours");
    refused(
        &authority,
        &authority,
        &["example.org"],
        VALID,
        CertificateFault::WrongName,
    );
    refused(
        &authority,
        &authority,
        &["127.0.0.1"],
        VALID,
        CertificateFault::WrongName,
    );
}

#[test]
fn a_certificate_out_of_its_time_is_refused() {
    let authority = Authority::new("ours");
    refused(
        &authority,
        &authority,
        &["localhost"],
        (2000, 2001),
        CertificateFault::Expired,
    );
    refused(
        &authority,
        &authority,
        &["localhost"],
        (2099, 2100),
        CertificateFault::NotYetValid,
    );
}

#[test]
fn a_server_without_tls_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut hello = [0; 5];
        socket.read_exact(&mut hello).unwrap();
        socket
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .unwrap();
        // Until the client has gone.
        while matches!(socket.read(&mut [0; 512]), Ok(1..)) {}
    });
    let error = post(
        Authority::new("ours").root(),
        &format!("https://127.0.0.1:{port}"),
        1,
    )
    .unwrap_err();
    assert_eq!(error, HttpError::Connect(HostError::Tls));
    server.join().unwrap();
}

#[test]
fn a_root_that_is_no_certificate_is_refused() {
    let got = HostStack::with_roots(HostConfig::default(), &[b"nonsense"]).map(|_| ());
    assert_eq!(got, Err(HostError::BadRoot));
}
