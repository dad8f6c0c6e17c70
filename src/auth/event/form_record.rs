//! A form that waited, as the trail keeps it: where to, and what it was by its digest. Never what it held.

use data_encoding::HEXLOWER;
use serde::Serialize;

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
    /// Of its body, under a key: who reads the trail cannot try what it may have held. Rows of earlier versions have `sha256`,
    /// without one.
    pub hmac_sha256: String,
    /// Bytes of its body.
    pub size: usize,
}

impl FormRecord {
    /// What a key is derived for, under which bodies are digested.
    pub const PURPOSE: &str = "form body";

    /// Of a form for this target, whose body has this digest and size.
    pub fn new(rule: Option<&str>, (host, method, target): (&str, &str, &str), body: ([u8; 32], usize)) -> Self {
        let (digest, size) = body;
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        Self {
            rule: rule.map(str::to_owned),
            host: host.to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            hmac_sha256: HEXLOWER.encode(&digest),
            size,
        }
    }
}
