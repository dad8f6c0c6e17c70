//! Rotation of the master key: what an older key sealed is sealed anew, when it is used or all at once.

use super::ports::{Answer, Ports, SealedAt};
use super::sealing::row_context;
use crate::auth::factor::authenticator::Sealed;

/// What sealing everything anew has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRotation {
    /// Sealed anew.
    pub renewed: u64,
    /// Sealed with the newest key already, or changed by somebody else meanwhile.
    pub kept: u64,
    /// Do not open: why.
    pub lost: Vec<(SealedAt, String)>,
}

/// Seals every sealed row anew that an older key has sealed. Safe while gateways run: each row changes only from
/// what was read.
///
/// # Errors
/// The database does not answer; what was done until then stays done.
pub async fn rotate_keys(ports: &Ports) -> Answer<KeyRotation> {
    let mut done = KeyRotation::default();
    for (at, sealed) in ports.sealed_rows.sealed().await? {
        match ports.vault.reseal(&row_context(&at), &sealed) {
            Ok(None) => done.kept += 1,
            Ok(Some(anew)) if ports.sealed_rows.swap(&at, &sealed, &anew).await? => done.renewed += 1,
            Ok(Some(_)) => done.kept += 1,
            Err(fault) => done.lost.push((at, fault.cause)),
        }
    }
    Ok(done)
}

/// Seals a row anew that was opened for use, if an older key has sealed it.
pub(super) async fn renew(ports: &Ports, at: SealedAt, sealed: &Sealed) -> Answer<()> {
    if let Some(anew) = ports.vault.reseal(&row_context(&at), sealed)? {
        // Whoever else was first has sealed it anew, or bound another secret: both are fine.
        let _ = ports.sealed_rows.swap(&at, sealed, &anew).await?;
    }
    Ok(())
}
