//! Certificates by SNI, with wildcards, read again when their files change. A bad new file keeps the old ones.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use pingora_core::listeners::tls::Acceptor;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{ClientHello, ResolvesServerCert, ServerSessionMemoryCache};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::proxy::observe::metrics::Metrics;
use crate::proxy::parts::BuildError;
use crate::proxy::settings::CertificateFiles;

/// Between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Sessions resumable without a ticket.
const RESUMABLE: usize = 4096;

/// What was in the files: chain and key, in their order.
type Contents = Vec<(Vec<u8>, Vec<u8>)>;

/// The certificates at this moment.
#[derive(Debug)]
pub(crate) struct Certificates {
    table: ArcSwap<CertificateTable>,
    provider: Arc<CryptoProvider>,
}

/// What was in the files when they were last read.
#[derive(Debug)]
pub(crate) struct CertificateTable {
    files: Vec<CertificateFiles>,
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// By the name without its first label.
    wildcard: HashMap<String, Arc<CertifiedKey>>,
    first: Arc<CertifiedKey>,
    /// The files' contents, to notice changes.
    seen: Contents,
    /// First name of each certificate and when it ends, seconds since the epoch.
    expiry: Vec<(String, i64)>,
}

impl Certificates {
    pub(crate) fn new(table: CertificateTable) -> Self {
        Self { table: ArcSwap::from_pointee(table), provider: Arc::new(aws_lc_rs::default_provider()) }
    }

    /// Serves these from the next handshake on.
    pub(crate) fn replace(&self, table: CertificateTable) {
        self.table.store(Arc::new(table));
    }

    /// The acceptor of the TLS listeners.
    ///
    /// # Errors
    /// The TLS library refuses the parameters or has no randomness.
    pub(crate) fn acceptor(self: &Arc<Self>) -> Result<Acceptor, BuildError> {
        let fault = |cause: rustls::Error| BuildError(format!("TLS: {cause}"));
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(fault)?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec(), b"http/1.0".to_vec()];
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(fault)?;
        config.session_storage = ServerSessionMemoryCache::new(RESUMABLE);
        Ok(Acceptor::from_server_config(Arc::new(config)))
    }

    /// Looks at the files until the end of the task; a good change takes effect, a bad one is told.
    pub(crate) async fn watch(self: Arc<Self>, metrics: Arc<Metrics>) {
        let mut known = self.table.load_full();
        let mut named = known.tell(&metrics, HashSet::new());
        let mut told = String::new();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match self.look().await {
                Ok(false) => {}
                Ok(true) => {
                    told.clear();
                    metrics.certificate_reload_successful.set(1);
                    tracing::info!(target: "proxy", "certificates read again");
                }
                Err(BuildError(cause)) => {
                    metrics.certificate_reload_successful.set(0);
                    if told != cause {
                        tracing::error!(target: "proxy", %cause, "new certificates refused, the old ones stay");
                        told = cause;
                    }
                }
            }
            // New files, or other files by another configuration.
            let now = self.table.load_full();
            if !Arc::ptr_eq(&known, &now) {
                named = now.tell(&metrics, named);
                known = now;
            }
        }
    }

    /// `true` if there was a change and it took effect.
    async fn look(self: &Arc<Self>) -> Result<bool, BuildError> {
        let me = self.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let known = me.table.load_full();
            let read = read_all(&known.files)?;
            if known.seen == read {
                return Ok(false);
            }
            let table = Arc::new(CertificateTable::build(known.files.clone(), read, &me.provider)?);
            // Unless the configuration was read again meanwhile.
            Ok(Arc::ptr_eq(&me.table.compare_and_swap(&known, table), &known))
        });
        looked.await.map_err(|cause| BuildError(cause.to_string()))?
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.table.load().choose(hello.server_name()))
    }
}

impl CertificateTable {
    /// Reads the files.
    ///
    /// # Errors
    /// Names the file that is missing, broken, or does not fit its key.
    pub(crate) fn load(files: Vec<CertificateFiles>) -> Result<Self, BuildError> {
        let read = read_all(&files)?;
        Self::build(files, read, &aws_lc_rs::default_provider())
    }

    /// Tells when the certificates end, and forgets those told `before` that are no more.
    fn tell(&self, metrics: &Metrics, before: HashSet<String>) -> HashSet<String> {
        let mut named = HashSet::new();
        for (name, ends) in &self.expiry {
            metrics.certificate_expiry.with_label_values(&[name.as_str()]).set(*ends);
            named.insert(name.clone());
        }
        for name in before.difference(&named) {
            // One that is not there is forgotten already.
            let _ = metrics.certificate_expiry.remove_label_values(&[name.as_str()]);
        }
        named
    }

    fn choose(&self, name: Option<&str>) -> Arc<CertifiedKey> {
        let Some(name) = name.map(str::to_ascii_lowercase) else { return self.first.clone() };
        let wild = || self.wildcard.get(name.split_once('.')?.1);
        self.exact.get(&name).or_else(wild).unwrap_or(&self.first).clone()
    }

    fn build(files: Vec<CertificateFiles>, seen: Contents, provider: &CryptoProvider) -> Result<Self, BuildError> {
        let (mut exact, mut wildcard) = (HashMap::new(), HashMap::new());
        let (mut first, mut expiry) = (None, Vec::new());
        for (file, (chain, key)) in files.iter().zip(&seen) {
            let (certified, facts) = certified(file, chain, key, provider)?;
            for name in &facts.names {
                match name.strip_prefix("*.") {
                    Some(parent) => wildcard.entry(parent.to_owned()).or_insert_with(|| certified.clone()),
                    None => exact.entry(name.clone()).or_insert_with(|| certified.clone()),
                };
            }
            let name = facts.names.into_iter().next().unwrap_or_else(|| file.cert.display().to_string());
            expiry.push((name, facts.ends));
            first.get_or_insert(certified);
        }
        let first = first.ok_or_else(|| BuildError("no certificate is configured".to_owned()))?;
        Ok(Self { files, exact, wildcard, first, seen, expiry })
    }
}

struct CertificateFacts {
    names: Vec<String>,
    ends: i64,
}

fn certified(
    file: &CertificateFiles,
    chain: &[u8],
    key: &[u8],
    provider: &CryptoProvider,
) -> Result<(Arc<CertifiedKey>, CertificateFacts), BuildError> {
    let fault = |path: &Path, cause: String| BuildError(format!("{}: {cause}", path.display()));
    let chain = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|cause| fault(&file.cert, cause.to_string()))?;
    let leaf = chain.first().ok_or_else(|| fault(&file.cert, "holds no certificate".to_owned()))?;
    let facts = facts_of(leaf).map_err(|cause| fault(&file.cert, cause))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|cause| fault(&file.key, cause.to_string()))?;
    let key = provider.key_provider.load_private_key(key).map_err(|cause| fault(&file.key, cause.to_string()))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        // A key that cannot tell its public half is not at fault.
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
        Err(_) => return Err(fault(&file.key, format!("does not belong to {}", file.cert.display()))),
    }
    Ok((Arc::new(certified), facts))
}

fn facts_of(leaf: &CertificateDer<'_>) -> Result<CertificateFacts, String> {
    let (_, parsed) = X509Certificate::from_der(leaf).map_err(|cause| format!("not a certificate: {cause}"))?;
    let alternatives = parsed.subject_alternative_name().map_err(|cause| format!("subjectAltName: {cause}"))?;
    let names = alternatives
        .iter()
        .flat_map(|alternatives| &alternatives.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(dns) => Some(dns.to_ascii_lowercase()),
            _ => None,
        })
        .collect();
    Ok(CertificateFacts { names, ends: parsed.validity().not_after.timestamp() })
}

fn read_all(files: &[CertificateFiles]) -> Result<Contents, BuildError> {
    let read = |path: &Path| std::fs::read(path).map_err(|cause| BuildError(format!("{}: {cause}", path.display())));
    files.iter().map(|file| Ok((read(&file.cert)?, read(&file.key)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::time::Timestamp;

    #[tokio::test]
    async fn a_name_that_is_gone_is_told_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let files = CertificateFiles { cert: folder.path().join("c.pem"), key: folder.path().join("c.key") };
        let write = |name: &str| {
            let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
            std::fs::write(&files.cert, made.cert.pem()).unwrap();
            std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        };
        write("old.test");
        let certificates = Arc::new(Certificates::new(CertificateTable::load(vec![files.clone()]).unwrap()));
        let metrics = Metrics::new(Timestamp::from_secs(1)).unwrap();
        let told = || String::from_utf8(metrics.text().unwrap()).unwrap();
        let named = certificates.table.load().tell(&metrics, HashSet::new());
        assert!(told().contains("name=\"old.test\""));
        write("new.test");
        assert!(certificates.look().await.unwrap());
        certificates.table.load().tell(&metrics, named);
        assert!(told().contains("name=\"new.test\"") && !told().contains("old.test"), "{}", told());
    }
}
