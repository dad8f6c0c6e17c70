//! `risk.privacy`: what profiles keep less exactly.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::sections::checker::Checker;
use crate::config::sections::scalars::HumanDuration;
use crate::config::yaml::Spanned;
use crate::risk::settings::{IpStore, Settings};

/// The shortest and the longest life of a key.
const DAYS: (u64, u64) = (7, 365);
const DAY: u64 = 24 * 3600;

/// What profiles keep of a person; all of it as keyed hashes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PrivacyOptions {
    /// How much of an address a profile counts: full (address and /24 or /48), or prefix (/24 or /48 alone). Default: full.
    ip_store: Option<IpStoreOptions>,
    /// How long the hashes of one key are written. Default: 90d.
    key_rotation: Option<Spanned<HumanDuration>>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum IpStoreOptions {
    Full,
    Prefix,
}

pub(super) fn privacy(options: PrivacyOptions, model: &mut Settings, cx: &mut Checker) {
    model.ip_store = match options.ip_store {
        Some(IpStoreOptions::Prefix) => IpStore::Prefix,
        Some(IpStoreOptions::Full) | None => IpStore::Full,
    };
    let Some(time) = options.key_rotation else { return };
    let (least, most) = DAYS;
    if !(least * DAY..=most * DAY).contains(&time.value.0.as_secs()) {
        let fix = format!("write {least}d to {most}d, as `key_rotation: 90d`");
        cx.error(time.at, "a key of profiles cannot last so long, or so short", fix);
    }
    model.key_rotation = time.value.0;
}
