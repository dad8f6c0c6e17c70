//! `tls`: certificates and their keys.

use std::collections::HashSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::sections::checker::Checker;
use crate::config::yaml::{Span, Spanned};
use crate::proxy::pem::{self, Certificate};
use crate::proxy::settings::CertificateFiles;

/// The largest PEM file, in bytes.
pub(crate) const PEM_BYTES: u64 = 1024 * 1024;

/// How long before its end a certificate is warned of.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// Certificates: one pair, or a list.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsOptions {
    /// The certificate chain, PEM, leaf first.
    cert: Option<Spanned<String>>,
    /// Its private key, PEM.
    key: Option<Spanned<String>>,
    /// Several pairs, chosen by SNI; the first is served where no name matches.
    certificates: Option<Spanned<Vec<Spanned<Pair>>>>,
}

/// A chain and its key.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Pair {
    /// The certificate chain, PEM, leaf first.
    #[schemars(required)]
    cert: Option<Spanned<String>>,
    /// Its private key, PEM.
    #[schemars(required)]
    key: Option<Spanned<String>>,
}

/// What the certificates are good for.
pub(crate) struct Coverage {
    at: Span,
    /// Names of certificates, lower case.
    names: HashSet<String>,
    /// Every certificate could be read, so that a missing name is missing.
    complete: bool,
}

pub(crate) fn validate(
    options: Option<Spanned<TlsOptions>>,
    cx: &mut Checker,
) -> (Vec<CertificateFiles>, Option<Coverage>) {
    let Some(Spanned { value: options, at }) = options else { return (Vec::new(), None) };
    let mut pairs: Vec<Spanned<Pair>> = Vec::new();
    let mut coverage = Coverage { at, names: HashSet::new(), complete: true };
    if options.cert.is_some() || options.key.is_some() {
        pairs.push(Spanned { value: Pair { cert: options.cert, key: options.key }, at });
    }
    let reported = ["cert", "key", "certificates"].iter().any(|k| cx.was_removed(at, k))
        || options.certificates.as_ref().is_some_and(|c| cx.has_removed_items(c.at));
    if reported {
        coverage.complete = false;
    }
    pairs.extend(options.certificates.into_iter().flat_map(|c| c.value));
    if pairs.is_empty() && coverage.complete {
        coverage.complete = false;
        cx.error(at, "`tls` names no certificate", "write `tls: { cert: chain.pem, key: key.pem }`");
    }
    let mut files = Vec::new();
    for pair in pairs {
        match judge(pair, cx) {
            Some((pair, certificate)) => {
                coverage.names.extend(certificate.names.iter().map(|name| name.to_ascii_lowercase()));
                files.push(pair);
            }
            None => coverage.complete = false,
        }
    }
    (files, Some(coverage))
}

/// A pair that can be used; what is wrong with either half is reported although the other is wrong too.
fn judge(pair: Spanned<Pair>, cx: &mut Checker) -> Option<(CertificateFiles, Certificate)> {
    let Spanned { value: pair, at } = pair;
    let span_of = |half: &Option<Spanned<String>>| half.as_ref().map_or(at, |p| p.at);
    let (cert_at, key_at) = (span_of(&pair.cert), span_of(&pair.key));
    if pair.cert.is_none() && !cx.was_removed(at, "cert") {
        cx.error(key_at, "a key without its certificate", "add `cert: …`");
    }
    if pair.key.is_none() && !cx.was_removed(at, "key") {
        cx.error(cert_at, "a certificate without its key", "add `key: …`");
    }
    let chain = pair.cert.as_ref().and_then(|p| cx.read(p, PEM_BYTES));
    let key = pair.key.as_ref().and_then(|p| cx.read_secret(p, PEM_BYTES));
    let files = CertificateFiles { cert: cx.path(&pair.cert?.value), key: cx.path(&pair.key?.value) };
    let chain = chain?;
    let certificate = match pem::certificate(&chain) {
        Ok(certificate) => certificate,
        Err(why) => {
            cx.error(cert_at, why, "the file must hold a PEM certificate chain, leaf first");
            return None;
        }
    };
    if certificate.version != 3 {
        let fix = "have one of version 3 made, with its names in subjectAltName (openssl req -x509 -addext subjectAltName=DNS:…)";
        cx.error(
            cert_at,
            format!("this certificate is of X.509 version {}, which no browser takes", certificate.version),
            fix,
        );
        return None;
    }
    if let Err(why) = pem::key_fits(&chain, &key?) {
        cx.error(key_at, why, "the file must hold the PEM private key of that certificate");
        return None;
    }
    if let Some(now) = cx.now {
        if certificate.not_after <= now {
            cx.warn(cert_at, "this certificate has expired", "renew it; it is re-read when the file changes");
        } else if certificate.not_after <= now.plus(SOON) {
            let days = certificate.not_after.since(now).as_secs() / (24 * 3600);
            let when = if days == 0 { "within a day".to_owned() } else { format!("in {days} days") };
            let fix = "renew it; it is re-read when the file changes";
            cx.warn(cert_at, format!("this certificate ends {when}"), fix);
        } else if certificate.not_before > now {
            cx.warn(cert_at, "this certificate is not valid yet", "is the clock of this machine right?");
        }
    }
    Some((files, certificate))
}

impl Coverage {
    /// The line of `tls`, if no certificate is good for a host.
    pub(crate) fn line_without(&self, host: &str, cx: &Checker) -> Option<usize> {
        (self.complete && !self.covers(host)).then(|| cx.problems.line_of(self.at))
    }

    /// Warns if no certificate is good for a host.
    pub(crate) fn check(&self, host: &str, at: Span, cx: &mut Checker) {
        if let Some(line) = self.line_without(host, cx) {
            let fix = format!("browsers will refuse {host}; add its certificate to `tls` (line {line})");
            cx.warn(at, "no certificate is good for this host", fix);
        }
    }

    /// Whether a name covers a host (RFC 9525 §6.3: a wildcard is the whole first label).
    fn covers(&self, host: &str) -> bool {
        let wildcard = || host.split_once('.').is_some_and(|(_, parent)| self.names.contains(&format!("*.{parent}")));
        self.names.contains(host) || wildcard()
    }
}
