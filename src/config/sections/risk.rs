//! `risk`: how sign-ins and requests are compared with what is usual for their person, and what is known of addresses.

mod privacy;
mod target;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use self::privacy::{PrivacyOptions, privacy};
use self::target::{TargetOptions, target};
use super::rules::risk::{OnChangeOptions, OnRiskOptions};
use crate::config::sections::checker::{Checker, PlacesTold};
use crate::config::sections::one_or::{Detailed, OffOr};
use crate::config::sections::scalars::{Decimal, HumanDuration};
use crate::config::yaml::{Span, Spanned};
use crate::flow::settings::RiskSettings;
use crate::risk::settings::{Mode, OnFault, Settings, Thresholds};
use crate::store::places::settings::{DatabaseRole, ListSettings, ListSource, PlaceSettings};
use crate::store::places::{AddressList, ListEntry, sample};

/// The largest database, in bytes.
const DATABASE_BYTES: u64 = 1024 * 1024 * 1024;
/// The largest list, in bytes.
const LIST_BYTES: u64 = 64 * 1024 * 1024;
/// The longest name of a list.
const NAME_BYTES: usize = 40;
/// The most that one list adds or takes.
const MOST_EVIDENCE: f64 = 10.0;

/// How sign-ins and requests are compared with what is usual for their person.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RiskOptions {
    /// shadow: assessed and counted, decides nothing. enforce: rules do what `on_risk` and `on_change` say. Default: enforce.
    mode: Option<ModeOptions>,
    /// Files that say where addresses are used.
    geoip: Option<Spanned<GeoipOptions>>,
    /// Lists of addresses of yours.
    lists: Option<Vec<Spanned<ListOptions>>>,
    /// From which score on risk is medium, and high.
    thresholds: Option<Spanned<ThresholdOptions>>,
    /// In place of thresholds: which share of people's own sign-ins may be prompted.
    target_prompt_rate: Option<Spanned<TargetOptions>>,
    /// What profiles keep less exactly.
    privacy: Option<PrivacyOptions>,
    /// After how long a sign-in counts half. Default: 60d.
    half_life: Option<HumanDuration>,
    /// After how long without a sign-in a profile is deleted. Default: 180d.
    retention: Option<Spanned<HumanDuration>>,
    /// What becomes of a sign-in whose profile cannot be read: step_up, allow or deny. Default: step_up.
    fail: Option<FailOptions>,
    /// What rules do that say nothing of it themselves. Default: permit.
    on_risk: Option<OffOr<OnRiskOptions>>,
    /// The same, where a session is used from elsewhere. Default: permit.
    on_change: Option<OffOr<OnChangeOptions>>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ModeOptions {
    Shadow,
    Enforce,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum FailOptions {
    StepUp,
    Allow,
    Deny,
}

/// Databases of the MaxMind DB format, read again when they change.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GeoipOptions {
    /// Countries and locations.
    city: Option<Spanned<String>>,
    /// Autonomous systems: the networks of providers.
    asn: Option<Spanned<String>>,
    /// Countries alone; it comes before what `city` says of them.
    country: Option<Spanned<String>>,
    /// From which age on a database says nothing. Default: 60d.
    max_age: Option<HumanDuration>,
}

/// A list of addresses: `file` or `cidrs`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListOptions {
    /// Its name in reasons and metrics.
    #[schemars(required)]
    name: Option<Spanned<String>>,
    /// A file with an address, a network or an autonomous system (AS64500) in each line, read again when it changes.
    file: Option<Spanned<String>>,
    /// In place of `file`: the same, here.
    cidrs: Option<Spanned<Vec<Spanned<String>>>>,
    /// What standing on it adds to the score, as 1.6; negative for what is trusted.
    #[schemars(required)]
    evidence: Option<Spanned<Decimal>>,
}

/// From which score on a level holds.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ThresholdOptions {
    /// Default: 2.0.
    medium: Option<Spanned<Decimal>>,
    /// Default: 4.0.
    high: Option<Spanned<Decimal>>,
}

impl Detailed for RiskOptions {
    const EXPECTED: &'static str = "`off` or a mapping, as `risk: { mode: shadow, geoip: { asn: … } }`";
    const SCHEMA: &'static str = "RiskSection";
}

impl RiskOptions {
    /// `{}` means off, as everywhere.
    const fn is_empty(&self) -> bool {
        let Self {
            mode,
            geoip,
            lists,
            thresholds,
            target_prompt_rate: target,
            privacy,
            half_life,
            retention,
            fail,
            on_risk,
            on_change,
        } = self;
        let files = geoip.is_none() && lists.is_none() && target.is_none() && privacy.is_none();
        let model = mode.is_none() && thresholds.is_none() && half_life.is_none() && retention.is_none();
        files && model && fail.is_none() && on_risk.is_none() && on_change.is_none()
    }
}

pub(crate) fn validate(
    options: Option<Spanned<OffOr<RiskOptions>>>,
    cx: &mut Checker,
) -> (Option<RiskSettings>, PlaceSettings) {
    let mut places = PlaceSettings::default();
    let Some(options) = options.and_then(|options| options.value.on()).filter(|options| !options.is_empty()) else {
        return (None, places);
    };
    if let Some(given) = options.geoip {
        geoip(given, &mut places, cx);
    }
    let countries = places.city.is_some() || places.country.is_some();
    cx.places = PlacesTold { networks: places.asn.is_some(), countries };
    places.lists = lists(options.lists.unwrap_or_default(), cx);
    let mut model = Settings::default();
    if let Some(mode) = options.mode {
        model.mode = match mode {
            ModeOptions::Shadow => Mode::Shadow,
            ModeOptions::Enforce => Mode::Enforce,
        };
    }
    if let Some(fail) = options.fail {
        model.fail = match fail {
            FailOptions::StepUp => OnFault::StepUp,
            FailOptions::Allow => OnFault::Allow,
            FailOptions::Deny => OnFault::Deny,
        };
    }
    if let Some(time) = options.half_life {
        model.half_life = time.0;
    }
    if let Some(time) = options.retention {
        model.retention = time.value.0;
        if time.value.0 < Duration::from_secs(24 * 3600) {
            cx.error(
                time.at,
                "nothing is usual that is forgotten within a day",
                "write `retention: 180d`, or `risk: off`",
            );
        }
    }
    if let (Some(_), Some(rate)) = (&options.thresholds, &options.target_prompt_rate) {
        let fix = "keep one of them: a rate sets the thresholds by itself";
        cx.error(rate.at, "`thresholds` and `target_prompt_rate` are both given", fix);
    }
    if let Some(given) = options.thresholds {
        model.thresholds = thresholds(given, cx);
    }
    model.target = options.target_prompt_rate.map(|given| target(given, cx));
    if let Some(given) = options.privacy {
        privacy(given, &mut model, cx);
    }
    let given = options.on_risk.and_then(OffOr::on);
    let on_risk = given.map(|given| given.validate(Default::default(), cx)).unwrap_or_default();
    let given = options.on_change.and_then(OffOr::on);
    let on_change = given.map(|given| given.validate(Default::default(), true, cx)).unwrap_or_default();
    (Some(RiskSettings { model, on_risk, on_change }), places)
}

fn thresholds(given: Spanned<ThresholdOptions>, cx: &mut Checker) -> Thresholds {
    let Spanned { value: options, at } = given;
    let default = Thresholds::default();
    let end = options.high.as_ref().or(options.medium.as_ref()).map_or(at, |score| score.at);
    let medium = options.medium.map_or(default.medium, |score| score.value.0);
    let high = options.high.map_or(default.high, |score| score.value.0);
    if medium >= high {
        cx.error(end, format!("`high` ({high}) is not above `medium` ({medium})"), "make `high` the larger one");
    }
    Thresholds { medium, high }
}

fn geoip(given: Spanned<GeoipOptions>, places: &mut PlaceSettings, cx: &mut Checker) {
    let Spanned { value: options, at } = given;
    if let Some(age) = options.max_age {
        places.max_age = age.0;
    }
    let files = [
        (DatabaseRole::City, options.city, &mut places.city),
        (DatabaseRole::Asn, options.asn, &mut places.asn),
        (DatabaseRole::Country, options.country, &mut places.country),
    ];
    let mut named = false;
    for (role, file, place) in files {
        let Some(file) = file else {
            named |= cx.was_removed(at, role.name());
            continue;
        };
        named = true;
        database(role, &file, places.max_age, cx);
        *place = Some(cx.path(&file.value));
    }
    if !named {
        cx.error(at, "`geoip` names no database", "add `city: …`, `asn: …` or `country: …`, or leave it out");
    }
}

/// Whether there is no file: what it feeds abstains until it is there.
fn is_missing(file: &Spanned<String>, what: &str, cx: &mut Checker) -> bool {
    let missing =
        std::fs::metadata(cx.path(&file.value)).is_err_and(|fault| fault.kind() == std::io::ErrorKind::NotFound);
    if missing {
        let fix = "put it there (it is read when it comes), or leave this out";
        cx.warn(file.at, format!("there is no such file: {what} says nothing"), fix);
    }
    missing
}

fn database(role: DatabaseRole, file: &Spanned<String>, max_age: Duration, cx: &mut Checker) {
    if is_missing(file, &format!("geoip.{role}"), cx) {
        return;
    }
    let Some(bytes) = cx.read(file, DATABASE_BYTES) else { return };
    let found = match sample(bytes) {
        Ok(found) => found,
        Err(why) => {
            let fix = "it must be a whole file of the MaxMind DB format (.mmdb): fetch it again";
            return cx.error(file.at, format!("this database cannot be used: {why}"), fix);
        }
    };
    if !found.serves(role) {
        let kind = &found.kind;
        let what = if role == DatabaseRole::Asn { "no autonomous system" } else { "no country" };
        cx.error(
            file.at,
            format!("this database ({kind}) names {what}"),
            format!("is it the right file for `{role}`?"),
        );
    } else if let Some(now) = cx.now.filter(|now| now.since(found.built) > max_age) {
        let days = now.since(found.built).as_secs() / (24 * 3600);
        let fix = "fetch a newer one (it is read when it changes), or raise `max_age`";
        cx.warn(file.at, format!("this database is {days} days old, beyond `max_age`: it says nothing"), fix);
    }
}

fn lists(given: Vec<Spanned<ListOptions>>, cx: &mut Checker) -> Vec<ListSettings> {
    let mut names: HashMap<String, usize> = HashMap::new();
    let mut lists = Vec::new();
    for Spanned { value: options, at } in given {
        let name = cx.need(options.name, at, "name", "add the name that reasons tell");
        let name = name.and_then(|name| {
            let line = cx.problems.line_of(name.at);
            let known = names.insert(name.value.clone(), line);
            if let Some(line) = known {
                cx.error(name.at, format!("this name is taken already in line {line}"), "choose another");
            }
            is_name(&name, cx).then_some(name.value)
        });
        let weight = cx.need(options.evidence, at, "evidence", "add what standing on it adds to the score, as 1.6");
        let weight = weight.and_then(|weight| evidence(&weight, cx));
        let source = source(options.file, options.cidrs, at, cx);
        if let (Some(name), Some(weight), Some(source)) = (name, weight, source) {
            lists.push(ListSettings { name: Arc::from(name), source, weight });
        }
    }
    lists
}

fn is_name(name: &Spanned<String>, cx: &mut Checker) -> bool {
    let usable = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    let good = (1..=NAME_BYTES).contains(&name.value.len()) && name.value.bytes().all(usable);
    if !good {
        cx.error(name.at, "not the name of a list", "write at most 40 lower-case letters, digits, `-` and `_`");
    }
    good
}

fn evidence(weight: &Spanned<Decimal>, cx: &mut Checker) -> Option<f64> {
    let Decimal(number) = weight.value;
    if number == 0.0 || number.abs() > MOST_EVIDENCE {
        let fix = "write -10 to 10, and not 0: 1.6 makes it five times as likely that it is not them, -1.0 less likely";
        cx.error(weight.at, "a list of this weight says nothing, or all", fix);
        return None;
    }
    Some(number)
}

fn source(
    file: Option<Spanned<String>>,
    cidrs: Option<Spanned<Vec<Spanned<String>>>>,
    at: Span,
    cx: &mut Checker,
) -> Option<ListSource> {
    match (file, cidrs) {
        (Some(_), Some(cidrs)) => {
            cx.error(cidrs.at, "`file` and `cidrs` are both given", "keep one of them");
            None
        }
        (Some(file), None) => {
            let path = cx.path(&file.value);
            if is_missing(&file, "this list", cx) {
                return Some(ListSource::File(path));
            }
            let bytes = cx.read(&file, LIST_BYTES)?;
            for fault in AddressList::parse(&bytes).err().unwrap_or_default() {
                let fix = "write one address, network or autonomous system (AS64500) in each line";
                cx.error(file.at, format!("{}:{fault}", path.display()), fix);
            }
            Some(ListSource::File(path))
        }
        (None, Some(cidrs)) => {
            if cidrs.value.is_empty() && !cx.has_removed_items(cidrs.at) {
                cx.warn(cidrs.at, "nothing stands on this list", "add networks, or leave the list out");
            }
            let parse = |entry: Spanned<String>| {
                let fix = "write an address, a network as 198.51.100.0/24, or AS64500";
                ListEntry::parse(&entry.value).map_err(|why| cx.error(entry.at, why, fix)).ok()
            };
            let entries: Vec<ListEntry> = cidrs.value.into_iter().filter_map(parse).collect();
            Some(ListSource::Given(Arc::new(AddressList::new(entries))))
        }
        (None, None) => {
            if !cx.was_removed(at, "file") && !cx.was_removed(at, "cidrs") {
                cx.error(at, "nothing says what stands on this list", "add `file: …` or `cidrs: […]`");
            }
            None
        }
    }
}
