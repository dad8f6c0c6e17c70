//! Looks into PEM files before anything is served with them. Pure: bytes in, facts out.

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::auth::time::Timestamp;

/// What a leaf certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its names (RFC 5280 §4.2.1.6): DNS names, wildcards and addresses.
    pub names: Vec<String>,
    /// Of X.509: TLS takes version 3 alone.
    pub version: u32,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when.
    pub not_after: Timestamp,
}

/// Whether TLS can ask for this name.
pub fn is_tls_name(name: &str) -> bool {
    ServerName::try_from(name).is_ok()
}

/// Looks into a PEM chain.
///
/// # Errors
/// There is no certificate in it, or one that cannot be parsed: why, in words.
pub fn certificate(chain: &[u8]) -> Result<Certificate, String> {
    let chain = parse_chain(chain)?;
    let leaf = chain.first().ok_or_else(|| "there is no certificate in this file".to_owned())?;
    for (i, der) in chain.iter().enumerate() {
        X509Certificate::from_der(der).map_err(|_| format!("certificate {} of this file cannot be parsed", i + 1))?;
    }
    let (_, parsed) = X509Certificate::from_der(leaf).map_err(|_| "this certificate cannot be parsed".to_owned())?;
    let mut names = Vec::new();
    if let Ok(Some(alternatives)) = parsed.subject_alternative_name() {
        for name in &alternatives.value.general_names {
            match name {
                GeneralName::DNSName(dns) => names.push((*dns).to_owned()),
                GeneralName::IPAddress(bytes) => names.extend(address(bytes)),
                _ => {}
            }
        }
    }
    let moment = |seconds: i64| Timestamp::from_millis(u64::try_from(seconds).unwrap_or(0).saturating_mul(1000));
    Ok(Certificate {
        names,
        version: parsed.version().0.saturating_add(1),
        not_before: moment(parsed.validity().not_before.timestamp()),
        not_after: moment(parsed.validity().not_after.timestamp()),
    })
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(v4).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|v6| format!("[{}]", std::net::Ipv6Addr::from(v6)))
}

fn parse_chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|_| "this file is not PEM".to_owned())?;
    if chain.is_empty() { Err("there is no certificate in this file".to_owned()) } else { Ok(chain) }
}

/// Whether a PEM private key belongs to the leaf of a PEM chain.
///
/// # Errors
/// It does not, or it cannot be used: why, in words, and nothing of the key.
pub fn key_fits(chain: &[u8], key: &[u8]) -> Result<(), String> {
    let chain = parse_chain(chain)?;
    if has_passphrase(key) {
        return Err("this private key has a passphrase, which nobody could type at a start: store it without one \
                    (`openssl pkey -in with.pem -out without.pem`)"
            .to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| "there is no private key in this file".to_owned())?;
    let key = any_supported_type(&key).map_err(|_| "a private key of this kind cannot be used".to_owned())?;
    CertifiedKey::new(chain, key).keys_match().map_err(|cause| match cause {
        rustls::Error::InconsistentKeys(_) => "this private key does not belong to the certificate".to_owned(),
        cause => format!("the certificate of this key cannot be used: {cause}"),
    })
}

/// Whether a PEM key is encrypted: as PKCS #8 (RFC 7468 §11), or by the header of RFC 1421 §4.6.1.1.
fn has_passphrase(key: &[u8]) -> bool {
    let has = |text: &[u8]| key.windows(text.len()).any(|part| part == text);
    has(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || has(b"Proc-Type: 4,ENCRYPTED")
}

/// Whether a PEM file holds authorities that can be trusted; how many.
///
/// # Errors
/// There is none, or one that cannot be used: why, in words.
pub fn authorities(pem: &[u8]) -> Result<usize, String> {
    let chain = parse_chain(pem)?;
    let mut roots = rustls::RootCertStore::empty();
    for (i, der) in chain.iter().enumerate() {
        roots.add(der.clone()).map_err(|_| format!("certificate {} of this file is no authority", i + 1))?;
    }
    Ok(chain.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_with_a_passphrase_is_told_as_that() {
        let made = rcgen::generate_simple_self_signed(vec!["a.test".to_owned()]).unwrap();
        let chain = made.cert.pem();
        for key in
            ["-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"]
        {
            assert!(key_fits(chain.as_bytes(), key.as_bytes()).unwrap_err().contains("passphrase"), "{key}");
        }
        assert!(key_fits(chain.as_bytes(), made.signing_key.serialize_pem().as_bytes()).is_ok());
    }
}
