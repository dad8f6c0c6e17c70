//! What is kept of a person: shown in figures, given out whole, forgotten.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use crate::auth::event::What;
use crate::auth::proof::RiskLevel;
use crate::auth::session::{Pinned, PinnedPlace};
use crate::auth::time::Timestamp;
use crate::cli::accounts::{self, store_result};
use crate::cli::args::OneUser;
use crate::cli::audit;
use crate::cli::exit::CommandResult;
use crate::cli::output::table::columns;
use crate::cli::output::terminal::{self, UnreadableRows, write_stderr, write_stdout};
use crate::cli::output::text::escape;
use crate::flow::risk::{ProfileSummary, erase_profile, profile_summary};
use crate::flow::settings::RiskSettings;
use crate::risk::settings::Mode;
use crate::risk::{HeldField, Pin};

pub(super) async fn show(user: &OneUser, json: bool) -> CommandResult {
    let (opened, account) = accounts::open_for(user).await?;
    let (identity, settings) = (&account.identity, opened.settings.flow.risk.as_ref());
    let kept = store_result(profile_summary(&opened.ports, &identity.id).await)?;
    if json {
        return terminal::write_json(&json!({
            "username": identity.username,
            "id": identity.id,
            "mode": mode(settings),
            "level": level(kept.as_ref(), settings).map(RiskLevel::name),
            "profile": kept.as_ref().map(|kept| figures(kept, settings)),
        }));
    }
    match &kept {
        Some(kept) => write_stdout(&text(identity.username.as_str(), kept, settings)),
        None => write_stdout(&format!("{}: {}\n", identity.username, nothing(settings))),
    }
}

pub(super) async fn export(user: &OneUser) -> CommandResult {
    let (opened, account) = accounts::open_for(user).await?;
    let identity = &account.identity;
    let kept = store_result(profile_summary(&opened.ports, &identity.id).await)?;
    let (mut sessions, mut unreadable) = (Vec::new(), UnreadableRows::default());
    for (key, session) in store_result(opened.ports.sessions.of_user(&identity.id).await)? {
        let name = || format!("a session of {} ({})", identity.username, key.encoded());
        let session = unreadable.readable(session, name);
        sessions.extend(session.as_ref().and_then(|s| Some(opened_from(&s.id, s.pinned.as_ref()?))));
    }
    let profile = kept.as_ref().map(|kept| {
        let mut whole = figures(kept, opened.settings.flow.risk.as_ref());
        if let Value::Object(members) = &mut whole {
            members.insert("held".to_owned(), kept.held.iter().map(held).collect());
        }
        whole
    });
    terminal::write_json(&json!({
        "username": identity.username,
        "id": identity.id,
        "exported_at": opened.ports.clock.now().rfc3339(),
        "profile": profile,
        "sessions": sessions,
    }))?;
    unreadable.finish()
}

pub(super) async fn erase(user: &OneUser) -> CommandResult {
    let (opened, account) = accounts::open_for(user).await?;
    let identity = &account.identity;
    let settings = opened.settings.flow.risk.as_ref();
    let Some(erased) = store_result(erase_profile(&opened.ports, &identity.id).await)? else {
        write_stderr(&format!("{}: {}; nothing was erased", identity.username, nothing(settings)));
        return Ok(());
    };
    audit::record(&opened.stores, What::RiskProfileErased, identity, None).await;
    let sign_ins = if erased.sign_ins == 1 { "sign-in" } else { "sign-ins" };
    write_stderr(&format!(
        "{}: erased {} keyed hashes of {} {sign_ins}",
        identity.username, erased.fields, erased.sign_ins
    ));
    let left = store_result(profile_summary(&opened.ports, &identity.id).await)?;
    if left.is_some_and(|left| left.pinned.is_some()) {
        write_stderr(
            "The pin stays, or whoever asks for their data would lift it; `stepgate risk clear` takes it away.",
        );
    }
    write_stderr(
        "Sessions keep where they were opened until they end (`stepgate session revoke --user`), and the audit trail keeps \
         its assessments. A gateway that runs compares what it remembers with live sessions for up to 5 minutes.",
    );
    Ok(())
}

/// What is said where nothing is kept.
const fn nothing(settings: Option<&RiskSettings>) -> &'static str {
    match settings {
        Some(_) => "no profile is kept; it begins with the next sign-in",
        None => "no profile is kept, and none will be: `risk` is off in this configuration",
    }
}

fn mode(settings: Option<&RiskSettings>) -> &'static str {
    match settings.map(|settings| settings.model.mode) {
        None => "off",
        Some(Mode::Shadow) => "shadow",
        Some(Mode::Enforce) => "enforce",
    }
}

/// At which level the next sign-in is before anything is seen of it; `None`: that depends on what is seen.
fn level(kept: Option<&ProfileSummary>, settings: Option<&RiskSettings>) -> Option<RiskLevel> {
    let settings = settings?;
    match kept {
        Some(ProfileSummary { pinned: Some(_), .. }) => Some(RiskLevel::High),
        Some(kept) if kept.sign_ins >= settings.model.minimum => None,
        Some(_) | None => Some(RiskLevel::Unscored),
    }
}

/// How the next sign-in is judged, in words.
fn next(kept: &ProfileSummary, settings: Option<&RiskSettings>) -> String {
    let Some(settings) = settings else { return "not judged: `risk` is off in this configuration".to_owned() };
    match level(Some(kept), Some(settings)) {
        Some(RiskLevel::High) => "high, whatever is seen of it: the profile is pinned".to_owned(),
        Some(_) => format!("unscored: fewer than {} sign-ins are counted", settings.model.minimum),
        None => {
            let thresholds = settings.model.thresholds;
            format!("by its score: low below {}, high from {}", thresholds.medium, thresholds.high)
        }
    }
}

fn text(username: &str, kept: &ProfileSummary, settings: Option<&RiskSettings>) -> String {
    let kinds: Vec<String> = kinds(kept).into_iter().map(|(name, count)| format!("{count} {name}")).collect();
    let rows = [
        ("user", escape(username)),
        ("sign-ins counted", kept.sign_ins.to_string()),
        ("last learnt", kept.last.map_or_else(|| "never".to_owned(), Timestamp::rfc3339)),
        ("kept until", until(kept, settings).unwrap_or_else(|| "-".to_owned())),
        ("fields", format!("{} in {} bytes", kept.fields, kept.bytes)),
        ("of these", if kinds.is_empty() { "-".to_owned() } else { kinds.join(", ") }),
        ("pinned", kept.pinned.map_or_else(|| "no".to_owned(), pinned_words)),
        ("next sign-in", next(kept, settings)),
        ("mode", mode(settings).to_owned()),
    ];
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    format!(
        "{}\nFields are keyed hashes of networks, places and browsers: they tell whether one\nwas seen before, and not which.\n",
        columns(&rows)
    )
}

/// Why somebody is pinned, and since when.
pub(super) fn pinned_words(pin: Pin) -> String {
    format!("{}, since {}", pin.why.name(), pin.since.rfc3339())
}

/// When it goes by itself, if nobody signs in.
fn until(kept: &ProfileSummary, settings: Option<&RiskSettings>) -> Option<String> {
    Some(kept.last?.plus(settings?.model.retention).rfc3339())
}

/// How many fields there are of each kind.
fn kinds(kept: &ProfileSummary) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    for field in kept.held.iter().filter(|field| field.hash.is_some()) {
        *kinds.entry(field.name).or_default() += 1;
    }
    kinds
}

fn figures(kept: &ProfileSummary, settings: Option<&RiskSettings>) -> Value {
    json!({
        "sign_ins": kept.sign_ins,
        "last": kept.last.map(Timestamp::rfc3339),
        "kept_until": until(kept, settings),
        "fields": kinds(kept),
        "bytes": kept.bytes,
        "pinned": kept.pinned.map(|pin| json!({ "why": pin.why.name(), "since": pin.since.rfc3339() })),
    })
}

fn held(field: &HeldField) -> Value {
    json!({
        "of": field.name,
        "hash": field.hash.map(|hash| HEXLOWER.encode(&hash.0)),
        "weight": field.weight,
        "below": field.below,
        "distinct": field.distinct,
        "with_device_cookie": field.known,
        "without_device_cookie": field.absent,
    })
}

/// What a session remembers of where it was opened, to compare with.
fn opened_from(session: &str, pinned: &Pinned) -> Value {
    json!({
        "id": session,
        "address": pinned.address,
        "network": pinned.network,
        "country": pinned.country,
        "browser": pinned.family,
        "level": pinned.level.name(),
        "at": pinned.at.rfc3339(),
        "before": pinned.before.iter().map(place).collect::<Vec<Value>>(),
    })
}

fn place(PinnedPlace { network, country, family }: &PinnedPlace) -> Value {
    json!({ "network": network, "country": country, "browser": family })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::proof::{OnChange, OnRisk};
    use crate::auth::session::AgentDigest;
    use crate::risk::settings::Settings;
    use crate::risk::{FieldKey, PinReason};

    fn settings(mode: Mode) -> RiskSettings {
        let model = Settings { mode, ..Settings::default() };
        RiskSettings { model, on_risk: OnRisk::default(), on_change: OnChange::default() }
    }

    fn kept(sign_ins: u32, pinned: bool) -> ProfileSummary {
        let field =
            |name, hash| HeldField { name, hash, weight: 1.0, below: 0.0, distinct: 0.0, known: 0.0, absent: 0.0 };
        let hash = |last| Some(FieldKey([0, 1, 2, 3, 4, 5, 6, last]));
        ProfileSummary {
            sign_ins,
            last: Some(Timestamp::from_secs(1_700_000_000)),
            fields: 3,
            pinned: pinned.then(|| Pin { why: PinReason::Reported, since: Timestamp::from_secs(1_700_000_100) }),
            bytes: 90,
            held: vec![
                field("all_networks", None),
                field("country", hash(1)),
                field("prefix", hash(2)),
                field("prefix", hash(3)),
            ],
        }
    }

    #[test]
    fn the_level_before_anything_is_seen() {
        let on = settings(Mode::Enforce);
        for (kept, settings, expected, words) in [
            (kept(2, false), Some(&on), Some(RiskLevel::Unscored), "unscored: fewer than 3 sign-ins are counted"),
            (kept(3, false), Some(&on), None, "by its score: low below 2, high from 4"),
            (kept(2, true), Some(&on), Some(RiskLevel::High), "high, whatever is seen of it: the profile is pinned"),
            (kept(30, true), None, None, "not judged: `risk` is off in this configuration"),
        ] {
            assert_eq!(level(Some(&kept), settings), expected);
            assert_eq!(next(&kept, settings), words);
        }
        assert_eq!(level(None, Some(&on)), Some(RiskLevel::Unscored));
    }

    #[test]
    fn figures_and_their_words_fit_a_terminal() {
        let on = settings(Mode::Shadow);
        let shown = text("ann", &kept(20, true), Some(&on));
        insta::assert_snapshot!(shown);
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
        let empty = ProfileSummary { fields: 0, held: Vec::new(), ..kept(0, true) };
        assert!(text("ann", &empty, Some(&on)).contains("\nof these          -\n"));
        let told = figures(&kept(20, true), Some(&on));
        assert_eq!(told["fields"], json!({ "country": 1, "prefix": 2 }));
        assert_eq!((&told["pinned"]["why"], &told["kept_until"]), (&json!("reported"), &json!("2024-05-12T22:13:20Z")));
    }

    #[test]
    fn hashes_are_given_out_in_hexadecimal() {
        let told: Vec<Value> = kept(1, false).held.iter().map(held).collect();
        assert_eq!((&told[0]["hash"], &told[3]["hash"]), (&Value::Null, &json!("0001020304050603")));
    }
    #[test]
    fn the_places_of_a_session_before_are_given_out() {
        let was =
            PinnedPlace { network: Some(100), country: Some("NO".to_owned()), family: Some("Desktop".to_owned()) };
        let pinned = Pinned {
            address: "192.0.2.7".parse().unwrap(),
            agent: AgentDigest::of(None),
            device: None,
            network: None,
            country: None,
            family: None,
            level: RiskLevel::Low,
            at: Timestamp::from_secs(1_700_000_000),
            before: vec![was],
        };
        let before = json!([{ "network": 100, "country": "NO", "browser": "Desktop" }]);
        assert_eq!(opened_from("s", &pinned)["before"], before);
    }
}
