//! TLS by rustls, with HTTP/1.1 as the only protocol offered.

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::sync::Arc;

/// Why a certificate and its key cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The chain's PEM text holds no certificate, or is damaged.
    #[error("the certificate chain cannot be read")]
    Chain(#[source] rustls::pki_types::pem::Error),
    /// The chain holds no certificate.
    #[error("the certificate chain is empty")]
    NoCertificate,
    /// The key's PEM text holds no key, or is damaged.
    #[error("the private key cannot be read")]
    Key(#[source] rustls::pki_types::pem::Error),
    /// Certificate and key do not fit each other or the library.
    #[error("certificate and key cannot be used")]
    Unusable(#[from] rustls::Error),
}

/// A server's side of TLS from a certificate chain and its key, both as PEM text.
pub fn server_config(chain_pem: &[u8], key_pem: &[u8]) -> Result<Arc<ServerConfig>, TlsError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain_pem)
        .collect::<Result<_, _>>()
        .map_err(TlsError::Chain)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(TlsError::Key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_pem() {
        assert!(matches!(
            server_config(b"", b""),
            Err(TlsError::NoCertificate)
        ));
        let broken = b"-----BEGIN CERTIFICATE-----\n???\n-----END CERTIFICATE-----\n";
        assert!(matches!(
            server_config(broken, b""),
            Err(TlsError::Chain(_))
        ));
    }
}
