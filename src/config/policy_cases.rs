//! The cases of `stepgate policy test`: what is given, what is expected, and where it stands in the file.

mod given_risk;
mod given_slip;
mod known_words;

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

pub use given_risk::GivenRisk;
use given_risk::GivenRiskKey;
pub use given_slip::GivenSlip;
use given_slip::SlipOptions;
pub use known_words::KnownWords;

use super::report::{Problem, Problems};
use super::sections::scalars::HumanDuration;
use super::yaml::collect::{Removed, collect};
use super::yaml::tree::Value;
use super::yaml::{Spanned, parse};

/// One case.
#[derive(Clone, Debug)]
pub struct PolicyCase {
    /// Its name; the request, where it has none.
    pub name: String,
    pub line: usize,
    pub column: usize,
    pub given: GivenRequest,
    pub expect: Expectation,
}

/// A request, and who is behind it.
#[derive(Clone, Debug)]
pub struct GivenRequest {
    pub url: String,
    pub method: String,
    pub user: Option<String>,
    pub groups: Vec<String>,
    pub ip: IpAddr,
    /// What was proved.
    pub amr: Vec<String>,
    /// How long ago.
    pub age: Option<Duration>,
    /// How unusual they are.
    pub risk: Option<GivenRisk>,
    /// A proof for this one request.
    pub slip: Option<GivenSlip>,
}

/// What must come of it; what is left out may be anything.
#[derive(Clone, Debug, Default)]
pub struct Expectation {
    pub decision: Option<String>,
    /// The name of the rule that decides.
    pub rule: Option<String>,
    /// All methods, any of which would help, in any order.
    pub methods: Option<Vec<String>>,
    pub reason: Option<String>,
}

/// Words in a list, or in one text between commas.
struct Words(Vec<String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct WordsVisitor;
        impl<'de> Visitor<'de> for WordsVisitor {
            type Value = Words;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of words")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Words, E> {
                Ok(Words(text.split(',').map(|w| w.trim().to_owned()).filter(|w| !w.is_empty()).collect()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Words, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = items.next_element::<String>()? {
                    words.push(word.trim().to_owned());
                }
                Ok(Words(words))
            }
        }
        d.deserialize_any(WordsVisitor)
    }
}

impl JsonSchema for Words {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Words".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "array"], "items": { "type": "string" } })
    }
}

#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GivenOptions {
    url: String,
    method: Option<String>,
    user: Option<String>,
    groups: Option<Words>,
    ip: Option<Spanned<String>>,
    amr: Option<Words>,
    age: Option<HumanDuration>,
    risk: Option<Spanned<GivenRiskKey>>,
    slip: Option<SlipOptions>,
}

#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ExpectOptions {
    decision: Option<Spanned<String>>,
    rule: Option<Spanned<String>>,
    methods: Option<Words>,
    reason: Option<Spanned<String>>,
}

#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CaseOptions {
    name: Option<String>,
    given: GivenOptions,
    expect: Spanned<ExpectOptions>,
}

#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CasesFile {
    cases: Vec<Spanned<CaseOptions>>,
}

/// The largest file of cases that is read.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
const NO_CASE: &str = "there is no case in this file";
const WRITE_CASES: &str = "write a list of `given` and `expect`";
/// The words of a decision.
const DECISIONS: [&str; 6] = ["permit", "challenge", "refuse", "malformed", "own", "preflight"];

/// Reads the cases of a file: a list, or a list under `cases`.
///
/// # Errors
/// Everything that is wrong with the file, with its place.
pub fn read_policy_cases(path: &Path, known: &KnownWords<'_>) -> Result<Vec<PolicyCase>, Vec<Problem>> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    let unreadable = match read {
        Err(cause) => Some((format!("cannot read this file: {cause}"), "name the file with the cases")),
        Ok(_) if bytes.len() as u64 > MAX_BYTES => {
            Some(("this file is larger than the 4 MiB that are read".to_owned(), "divide it"))
        }
        Ok(_) => None,
    };
    let text = String::from_utf8_lossy(&bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut problems = Problems::new(&name, text, schema());
    problems.show_all();
    if let Some((message, fix)) = unreadable {
        problems.error(Default::default(), message, fix);
        return Err(problems.into_problems());
    }
    if text.contains('\u{fffd}') {
        problems.error(Default::default(), "this file is not UTF-8", "save it as UTF-8");
        return Err(problems.into_problems());
    }
    match cases(text, known, &mut problems) {
        Some(cases) if problems.errors() == 0 => Ok(cases),
        _ => Err(problems.into_problems()),
    }
}

fn cases(text: &str, known: &KnownWords<'_>, problems: &mut Problems) -> Option<Vec<PolicyCase>> {
    if text.trim().is_empty() {
        problems.error(Default::default(), NO_CASE, WRITE_CASES);
        return None;
    }
    let mut root = parse::parse(text, problems)?;
    let mut removed = Removed::new(Vec::new());
    let options: Vec<Spanned<CaseOptions>> = match &root.value {
        Value::List(_) => collect(&mut root, problems, &mut removed)?,
        _ => collect::<CasesFile>(&mut root, problems, &mut removed)?.cases,
    };
    if options.is_empty() && problems.errors() == 0 {
        problems.error(root.at, NO_CASE, WRITE_CASES);
    }
    Some(options.into_iter().filter_map(|case| checked(case, known, problems)).collect())
}

fn checked(case: Spanned<CaseOptions>, known: &KnownWords<'_>, problems: &mut Problems) -> Option<PolicyCase> {
    let (line, column) = problems.line_and_column(case.at);
    let CaseOptions { name, given, expect } = case.value;
    let ip = match &given.ip {
        None => IpAddr::from([127, 0, 0, 1]),
        Some(text) => {
            let Ok(ip) = text.value.trim().parse() else {
                problems.error(text.at, "this is no address", "write it like 198.51.100.7 or 2001:db8::7");
                return None;
            };
            ip
        }
    };
    let ExpectOptions { decision, rule, methods, reason } = expect.value;
    if decision.is_none() && rule.is_none() && methods.is_none() && reason.is_none() {
        problems.error(expect.at, "nothing is expected here", "name a `decision`, `rule`, `methods` or `reason`");
    }
    if let Some(word) = decision.as_ref().filter(|word| !DECISIONS.contains(&word.value.as_str())) {
        problems.error(word.at, "there is no such decision", format!("known are {}", DECISIONS.join(", ")));
    }
    if let Some(risk) = given.risk.as_ref().filter(|_| !known.risk) {
        let fix = "leave `risk` out here, or add the section `risk:` there";
        problems.error(risk.at, "`risk` is off in the configuration: no rule looks at it", fix);
    }
    known.check(rule.as_ref(), reason.as_ref(), problems);
    let method = given.method.unwrap_or_else(|| "GET".to_owned());
    let name = name.unwrap_or_else(|| format!("{method} {}", given.url));
    let words = |words: Option<Words>| words.map(|words| words.0);
    let (groups, amr) = (words(given.groups).unwrap_or_default(), words(given.amr).unwrap_or_default());
    let age = given.age.map(|age| age.0);
    Some(PolicyCase {
        name,
        line,
        column,
        given: GivenRequest {
            url: given.url,
            method,
            user: given.user,
            groups,
            ip,
            amr,
            age,
            risk: given.risk.map(|key| GivenRisk::from(key.value)),
            slip: given.slip.and_then(|slip| slip.validate(problems)),
        },
        expect: Expectation {
            decision: decision.map(|word| word.value),
            rule: rule.map(|word| word.value),
            methods: words(methods),
            reason: reason.map(|word| word.value),
        },
    })
}

fn schema() -> &'static serde_json::Value {
    static SCHEMA: LazyLock<serde_json::Value> =
        LazyLock::new(|| SchemaGenerator::default().into_root_schema_for::<CasesFile>().into());
    &SCHEMA
}
