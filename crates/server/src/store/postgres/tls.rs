//! Whether connections to a database are encrypted, and whom they trust, by libpq's names: `sslmode` and `sslrootcert` of the database's address.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::store::error::StoreError;

/// How connections are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tls {
    /// Not encrypted.
    Disable,
    /// Encrypted, with whoever answers.
    Require,
    /// Encrypted, with a server whose certificate is for the host's name and comes from one of these authorities, or from one that the system trusts.
    VerifyFull(Option<PathBuf>),
}

impl Tls {
    /// By the values of `sslmode` and `sslrootcert`.
    pub(super) fn of(mode: Option<&str>, roots: Option<PathBuf>) -> Result<Tls, String> {
        match (mode, roots) {
            (None | Some("disable"), None) => Ok(Tls::Disable),
            (Some("require"), None) => Ok(Tls::Require),
            (Some("verify-full"), roots) => Ok(Tls::VerifyFull(roots)),
            (_, Some(_)) => Err("sslrootcert is for sslmode=verify-full".into()),
            (Some(_), None) => Err("sslmode is disable, require or verify-full".into()),
        }
    }

    /// What makes connections so.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, StoreError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone());
        let builder =
            builder.with_safe_default_protocol_versions().map_err(|error| StoreError::Failed(error.into()))?;
        let config = match self {
            Tls::VerifyFull(roots) => builder.with_root_certificates(authorities(roots.as_ref())?),
            // Where it is not encrypted nobody asks.
            Tls::Disable | Tls::Require => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            }
        };
        Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
    }
}

/// The authorities of a file in PEM, or the system's.
fn authorities(file: Option<&PathBuf>) -> Result<RootCertStore, StoreError> {
    let mut roots = RootCertStore::empty();
    let Some(file) = file else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let bad = |error: String| StoreError::Failed(format!("sslrootcert={}: {error}", file.display()).into());
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| bad(error.to_string()))? {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        roots.add(certificate).map_err(|error| bad(error.to_string()))?;
    }
    if roots.is_empty() { Err(bad("it has no certificate".into())) } else { Ok(roots) }
}

/// Believes every certificate: what is sent cannot be read on its way, and whoever answers may be anybody.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
