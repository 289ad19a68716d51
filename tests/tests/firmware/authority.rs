//! A certificate authority, and a TLS server with its certificate before a plain node.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Vouches for servers.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its certificate.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server's certificate for `name`, and its key.
    fn server(&self, name: &str) -> Arc<ServerConfig> {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key);
        Arc::new(config.unwrap())
    }
}

/// Speaks TLS, and passes what is inside to a node.
pub(crate) struct TlsFront(SocketAddr);

impl TlsFront {
    /// Runs until the test process ends.
    pub(crate) fn start(authority: &Authority, name: &str, url: &str) -> Self {
        let config = authority.server(name);
        let node: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let config = config.clone();
                // A client that refuses the certificate ends its connection here.
                thread::spawn(move || pass(socket, config, node));
            }
        });
        Self(address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0
    }
}

/// Requests and answers take turns, so one thread passes both: what came from one side goes
/// to the other before that is listened to.
fn pass(socket: TcpStream, config: Arc<ServerConfig>, node: SocketAddr) -> Option<()> {
    let pause = Some(Duration::from_millis(2));
    socket.set_nodelay(true).ok()?;
    let mut connection = ServerConnection::new(config).ok()?;
    let mut handshake = socket.try_clone().ok()?;
    while connection.is_handshaking() {
        connection.complete_io(&mut handshake).ok()?;
    }
    socket.set_read_timeout(pause).ok()?;
    let mut inside = StreamOwned::new(connection, socket);
    let mut node = TcpStream::connect(node).ok()?;
    node.set_nodelay(true).ok()?;
    node.set_read_timeout(pause).ok()?;
    loop {
        copy(&mut inside, &mut node)?;
        copy(&mut node, &mut inside)?;
    }
}

/// Passes what is there; `None` at the end.
fn copy(from: &mut impl Read, to: &mut impl Write) -> Option<()> {
    use std::io::ErrorKind::{TimedOut, WouldBlock};

    let mut buf = [0; 4096];
    match from.read(&mut buf) {
        Ok(0) => None,
        Ok(len) => to.write_all(&buf[..len]).and_then(|()| to.flush()).ok(),
        Err(error) if matches!(error.kind(), TimedOut | WouldBlock) => Some(()),
        Err(_) => None,
    }
}
