//! What the modem's sockets lead to: echo servers of this machine, plain and with TLS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Echoes until `BYE` comes, then closes after what it got.
fn echo(mut stream: impl Read + Write) {
    let mut buf = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buf) {
        if stream
            .write_all(&buf[..read])
            .and_then(|()| stream.flush())
            .is_err()
        {
            return;
        }
        if buf[..read].ends_with(b"BYE") {
            return;
        }
    }
}

fn serve(handle: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = stream.set_nodelay(true);
            handle(stream);
        }
    });
    address
}

/// A plain echo server, one connection at a time.
pub fn plain() -> SocketAddr {
    serve(echo)
}

/// An authority of a test.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// An echo server with TLS whose certificate is made out to a name.
    pub fn server(&self, name: &str) -> SocketAddr {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_string()]).expect("a name");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate and its key");
        let config = Arc::new(config);
        serve(move |stream| {
            let Ok(session) = ServerConnection::new(config.clone()) else {
                return;
            };
            echo(StreamOwned::new(session, stream));
        })
    }
}
