//! A form that waited, as the trail keeps it: where to, and what it was by its digest. Never what it held.

use data_encoding::HEXLOWER;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// What is kept of a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FormRecord {
    /// The rule that asked for more, or that let it through; of a form that was discarded nobody asked one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    pub host: String,
    pub method: String,
    /// Without the query, which may hold secrets.
    pub path: String,
    /// Of its body.
    pub sha256: String,
    /// Bytes of its body.
    pub size: usize,
}

impl FormRecord {
    /// Of a form for this target.
    pub fn new(rule: Option<&str>, (host, method, target): (&str, &str, &str), body: &[u8]) -> Self {
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        Self {
            rule: rule.map(str::to_owned),
            host: host.to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            sha256: HEXLOWER.encode(&Sha256::digest(body)),
            size: body.len(),
        }
    }
}
