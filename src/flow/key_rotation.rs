//! Rotation of the master key: what an older key sealed is sealed anew, when it is used or all at once.

use super::ports::{Answer, Ports, SealedAt};
use super::proving::totp_context;
use super::vouch;
use crate::auth::factor::authenticator::Sealed;

/// What sealing everything anew has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
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
pub async fn reseal_all(ports: &Ports) -> Answer<Resealed> {
    let mut done = Resealed::default();
    for (at, sealed) in ports.sealed_rows.sealed().await? {
        match ports.vault.reseal(&context(&at), &sealed) {
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
    if let Some(anew) = ports.vault.reseal(&context(&at), sealed)? {
        // Whoever else was first has sealed it anew, or bound another secret: both are fine.
        let _ = ports.sealed_rows.swap(&at, sealed, &anew).await?;
    }
    Ok(())
}

fn context(at: &SealedAt) -> String {
    match at {
        SealedAt::Totp(user) => totp_context(user),
        SealedAt::Signing(kid) => vouch::context(kid),
    }
}
