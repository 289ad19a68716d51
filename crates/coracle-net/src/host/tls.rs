//! TLS for the host: rustls, always verified.

use std::string::ToString;
use std::sync::{Arc, OnceLock};
use std::vec;
use std::vec::Vec;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::endpoint::Endpoint;
use crate::host::stream::TimedStream;
use crate::host::{CertificateFault, HostError};

pub(super) type TlsStream = StreamOwned<ClientConnection, TimedStream>;

/// The roots and the session cache of a [`HostStack`](crate::host::HostStack).
pub(super) struct Tls {
    extra: Vec<CertificateDer<'static>>,
    /// Made when it is first wanted: loading the roots of a platform takes a while.
    config: OnceLock<Result<Arc<ClientConfig>, HostError>>,
}

impl Tls {
    pub(super) const fn new() -> Self {
        Self {
            extra: Vec::new(),
            config: OnceLock::new(),
        }
    }

    pub(super) fn with_roots(extra: &[&[u8]]) -> Result<Self, HostError> {
        let extra: Vec<_> = extra
            .iter()
            .map(|der| CertificateDer::from(der.to_vec()))
            .collect();
        let mut roots = RootCertStore::empty();
        for root in &extra {
            roots.add(root.clone()).map_err(|_| HostError::BadRoot)?;
        }
        Ok(Self {
            extra,
            config: OnceLock::new(),
        })
    }

    pub(super) fn handshake(
        &self,
        endpoint: &Endpoint<'_>,
        mut stream: TimedStream,
    ) -> Result<TlsStream, HostError> {
        let config = self.config.get_or_init(|| self.configure()).clone()?;
        let wrong_name = |_| HostError::Certificate(CertificateFault::WrongName);
        let name = ServerName::try_from(endpoint.host().to_string()).map_err(wrong_name)?;
        let mut connection = ClientConnection::new(config, name).map_err(|error| fault(&error))?;
        while connection.is_handshaking() {
            connection
                .complete_io(&mut stream)
                .map_err(|error| HostError::from_io(&error))?;
        }
        Ok(StreamOwned::new(connection, stream))
    }

    fn configure(&self) -> Result<Arc<ClientConfig>, HostError> {
        let mut roots = RootCertStore::empty();
        // What the platform keeps and rustls cannot read is left out; fewer roots only
        // means less trust.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots.add_parsable_certificates(self.extra.iter().cloned());
        if roots.is_empty() {
            return Err(HostError::NoRoots);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| fault(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// What an error of rustls says to the user of this host.
pub(super) fn fault(error: &rustls::Error) -> HostError {
    let rustls::Error::InvalidCertificate(error) = error else {
        return HostError::Tls;
    };
    HostError::Certificate(match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            CertificateFault::Expired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            CertificateFault::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::WrongName
        }
        CertificateError::UnknownIssuer => CertificateFault::UnknownIssuer,
        CertificateError::Revoked => CertificateFault::Revoked,
        _ => CertificateFault::Bad,
    })
}
