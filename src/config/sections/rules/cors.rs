//! `cors` and `preflight`: which origins may ask, and what.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::methods::methods;
use crate::auth::policy::cors::{Allowances, Cors, Preflights, is_token};
use crate::config::sections::checker::Checker;
use crate::config::sections::scalars::HumanDuration;
use crate::config::yaml::{Span, Spanned};

/// What scripts of other origins may.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AllowanceOptions {
    /// The origins, as [https://spa.example.com].
    #[schemars(required)]
    origins: Option<Spanned<Vec<Spanned<String>>>>,
    /// Methods that they may use. Default: those of the rule, or GET, HEAD and POST.
    methods: Option<Spanned<Vec<Spanned<String>>>>,
    /// Headers that they may send, as [content-type, authorization]. Default: none.
    headers: Option<Vec<Spanned<String>>>,
    /// How long browsers may remember that. Default: as long as they like, which is seconds.
    max_age: Option<HumanDuration>,
}

/// Origins alone, or what they may.
pub(super) enum CorsOptions {
    /// They may read our 401.
    Origins(Vec<Spanned<String>>),
    /// And the gateway answers their preflights.
    Allowances(Box<AllowanceOptions>),
}

impl<'de> Deserialize<'de> for CorsOptions {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct CorsForms;
        impl<'de> Visitor<'de> for CorsForms {
            type Value = CorsOptions;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of origins or a mapping")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<CorsOptions, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(CorsOptions::Origins)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<CorsOptions, A::Error> {
                AllowanceOptions::deserialize(MapAccessDeserializer::new(map))
                    .map(|m| CorsOptions::Allowances(Box::new(m)))
            }
        }
        d.deserialize_any(CorsForms)
    }
}

impl JsonSchema for CorsOptions {
    fn schema_name() -> Cow<'static, str> {
        "CorsOptions".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mapping = generator.subschema_for::<AllowanceOptions>();
        json_schema!({ "anyOf": [{ "type": "array", "items": { "type": "string" } }, mapping] })
    }
}

/// What becomes of preflights.
#[derive(Clone, Copy, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PreflightOptions {
    /// True ones go to the app.
    Pass,
}

/// What a rule grants to other origins; `covered`: the methods of the rule, `deny`: whether it denies.
pub(super) fn validate(
    options: Option<Spanned<CorsOptions>>,
    preflight: Option<Spanned<PreflightOptions>>,
    covered: &[String],
    deny: bool,
    cx: &mut Checker,
) -> Cors {
    let mut cors = Cors::default();
    let mut answered = false;
    match options {
        None => {}
        Some(Spanned { value: CorsOptions::Origins(list), .. }) => cors.origins = origins(&list, cx),
        Some(Spanned { value: CorsOptions::Allowances(options), at }) => {
            if deny {
                cx.warn(at, "the gateway answers no preflights where nobody may pass", "a list of origins is enough");
            }
            answered = true;
            cors.preflights = Preflights::Answered(allowances(&options, at, covered, cx));
            let list = cx.need(options.origins, at, "origins", "write `origins: [\"https://spa.example.com\"]`");
            if let Some(list) = &list
                && list.value.is_empty()
                && !cx.has_removed_items(list.at)
            {
                cx.error(list.at, "an empty list would allow no origin", "name one, or leave `cors` out");
            }
            cors.origins = origins(&list.map(|l| l.value).unwrap_or_default(), cx);
        }
    }
    if let Some(Spanned { value: PreflightOptions::Pass, at }) = preflight {
        if answered {
            let fix = "keep one of them; a list of origins under `cors` says who may read our 401";
            cx.error(at, "by `cors` the gateway answers preflights, by `preflight: pass` the app does", fix);
        } else if deny {
            cx.error(at, "nobody may pass by this rule, so no preflight may", "leave `preflight` out");
        }
        cors.preflights = Preflights::Passed;
    }
    cors
}

fn allowances(options: &AllowanceOptions, at: Span, covered: &[String], cx: &mut Checker) -> Allowances {
    let named = options.methods.as_ref().and_then(|list| {
        let named = methods(list, "leave `methods` out to allow those of the rule", cx)?;
        let is_covered = |m: &String| covered.contains(m) || (m == "HEAD" && covered.iter().any(|c| c == "GET"));
        if let Some(other) = named.iter().find(|m| !covered.is_empty() && !is_covered(m)) {
            let fix = "a preflight is judged by the rule for the method that it asks for: allow it there";
            cx.warn(list.at, format!("this rule does not cover {other}"), fix);
        }
        Some(named)
    });
    let usual = || match covered {
        [] => ["GET", "HEAD", "POST"].map(str::to_owned).to_vec(),
        covered => covered.iter().filter(|m| *m != "OPTIONS").cloned().collect(),
    };
    let removed = cx.was_removed(at, "methods");
    let methods = named.unwrap_or_else(|| if removed { Vec::new() } else { usual() });
    let headers = options.headers.iter().flatten().filter_map(|name| header(name, cx)).collect();
    Allowances { methods, headers, max_age: options.max_age.map(|age| age.0) }
}

fn header(name: &Spanned<String>, cx: &mut Checker) -> Option<String> {
    let text = name.value.trim();
    if text == "*" {
        let fix = "answers to requests with cookies may not say `*` (Fetch standard): name each header";
        cx.error(name.at, "`*` stands for no header here", fix);
        return None;
    }
    if !is_token(text) {
        cx.error(name.at, "not a header name", "write it like content-type");
        return None;
    }
    Some(text.to_ascii_lowercase())
}

fn origins(list: &[Spanned<String>], cx: &mut Checker) -> Vec<String> {
    list.iter().filter_map(|text| origin(text, cx)).collect()
}

/// An origin as browsers write it.
fn origin(text: &Spanned<String>, cx: &mut Checker) -> Option<String> {
    if text.value.trim() == "*" {
        let fix = "name each origin: what is behind the gate is not for every page of the world";
        cx.error(text.at, "`*` stands for no origin here", fix);
        return None;
    }
    let parsed = url::Url::parse(&text.value).ok().filter(|u| matches!(u.scheme(), "http" | "https"));
    let origin = parsed.map(|u| u.origin().ascii_serialization());
    if origin.as_deref() != Some(text.value.trim_end_matches('/')) || text.value.ends_with('/') {
        let fix = origin.map_or_else(|| "write it like https://spa.example.com".to_owned(), |o| format!("write `{o}`"));
        cx.error(text.at, "not an origin", fix);
        return None;
    }
    origin
}
