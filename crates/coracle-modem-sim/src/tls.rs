//! TLS as modems do it: they verify what the firmware configured, and no more.

use std::{
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};

use crate::stream::TlsClient;

/// What the firmware configured.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsOptions {
    /// Roots to verify the server by; `None` where it is not verified.
    pub(crate) roots: Option<Vec<u8>>,
    /// The name that the certificate has to be for; unchecked if `None`.
    pub(crate) expected_name: Option<String>,
    /// Modem's time for the validity dates; unchecked if `None`.
    pub(crate) now: Option<i64>,
    /// Certificate and key of the device.
    pub(crate) identity: Option<(Vec<u8>, Vec<u8>)>,
    /// Tell the server this name.
    pub(crate) sni: Option<String>,
}

/// The configuration cannot work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BadTls {
    /// No certificate in the CA file.
    Roots,
    /// No usable certificate or key of the device.
    Identity,
}

pub(crate) fn client(options: TlsOptions) -> Result<TlsClient, BadTls> {
    let provider = Arc::new(ring::default_provider());
    let name = options.sni.as_deref().and_then(owned_name);
    let identity = options.identity.clone();
    let algorithms = provider.signature_verification_algorithms;
    let verifier = Verifier::new(&options, algorithms)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| BadTls::Identity)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder
            .with_client_auth_cert(certificates(&chain), private_key(&key)?)
            .map_err(|_| BadTls::Identity)?,
    };
    config.enable_sni = name.is_some();
    Ok(TlsClient {
        config: Arc::new(config),
        // rustls wants a name; an address is never sent as one.
        name: name.unwrap_or_else(|| Ipv4Addr::UNSPECIFIED.into()),
    })
}

fn owned_name(name: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(name.to_owned()).ok()
}

/// PEM, or one certificate in DER.
fn certificates(bytes: &[u8]) -> Vec<CertificateDer<'static>> {
    let pem: Vec<_> = CertificateDer::pem_slice_iter(bytes).flatten().collect();
    match pem.is_empty() {
        true => vec![CertificateDer::from(bytes.to_vec())],
        false => pem,
    }
}

fn private_key(bytes: &[u8]) -> Result<PrivateKeyDer<'static>, BadTls> {
    PrivateKeyDer::from_pem_slice(bytes)
        .or_else(|_| PrivateKeyDer::try_from(bytes.to_vec()))
        .map_err(|_| BadTls::Identity)
}

/// Verifies issuer, name and dates each on its own.
#[derive(Debug)]
struct Verifier {
    roots: Option<RootCertStore>,
    expected_name: Option<String>,
    /// Seconds to add to the host's clock; dates are not checked if `None`.
    shift: Option<i64>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    fn new(options: &TlsOptions, algorithms: WebPkiSupportedAlgorithms) -> Result<Self, BadTls> {
        let roots = options.roots.as_deref().map(store).transpose()?;
        let shift = options.now.map(|now| now - host_time());
        Ok(Self {
            roots,
            expected_name: options.expected_name.clone(),
            shift,
            algorithms,
        })
    }

    fn verify_issuer(
        &self,
        cert: &ParsedCertificate<'_>,
        roots: &RootCertStore,
        others: &[CertificateDer<'_>],
    ) -> Result<(), Error> {
        let mut now = unix(host_time() + self.shift.unwrap_or(0));
        // Each certificate of a short chain may ask for another time.
        for _ in 0..4 {
            let verify = verify_server_cert_signed_by_trust_anchor;
            let result = verify(cert, roots, others, now, self.algorithms.all);
            match result {
                Err(Error::InvalidCertificate(error)) if self.shift.is_none() => {
                    now = within_dates(&error).ok_or(Error::InvalidCertificate(error))?;
                }
                other => return other,
            }
        }
        Err(Error::InvalidCertificate(CertificateError::Expired))
    }
}

/// A time at which the certificate that complained is valid.
fn within_dates(error: &CertificateError) -> Option<UnixTime> {
    match error {
        CertificateError::ExpiredContext { not_after, .. } => Some(*not_after),
        CertificateError::NotValidYetContext { not_before, .. } => Some(*not_before),
        _ => None,
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(roots) = &self.roots else {
            return Ok(ServerCertVerified::assertion());
        };
        let cert = ParsedCertificate::try_from(end_entity)?;
        self.verify_issuer(&cert, roots, intermediates)?;
        if let Some(expected) = &self.expected_name {
            let mismatch = Error::InvalidCertificate(CertificateError::NotValidForName);
            let name = ServerName::try_from(expected.as_str()).map_err(|_| mismatch)?;
            verify_server_name(&cert, &name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn store(bytes: &[u8]) -> Result<RootCertStore, BadTls> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates(bytes));
    match store.is_empty() {
        true => Err(BadTls::Roots),
        false => Ok(store),
    }
}

fn host_time() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0))
}

fn unix(seconds: i64) -> UnixTime {
    let seconds = u64::try_from(seconds).unwrap_or(0);
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}
