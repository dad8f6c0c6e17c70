//! `users.signup`: who may make an account for themselves.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Unexpected, Visitor};

use crate::auth::host;
use crate::config::sections::checker::Checker;
use crate::config::yaml::Spanned;
use crate::flow::settings::SignUpPolicy;

/// `off`, `open`, `invitation`, or a mapping of domains.
pub(crate) enum SignUpOption {
    Off,
    Open,
    Invitation,
    Domains(DomainOptions),
}

/// Whose mail addresses may be signed up with.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DomainOptions {
    /// Domains of mail addresses, without what is below them.
    domains: Option<Spanned<Vec<Spanned<String>>>>,
}

const EXPECTED: &str = "`off`, `open`, `invitation`, or `{ domains: [example.com] }`";

impl<'de> Deserialize<'de> for SignUpOption {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct SignUpForms;
        impl<'de> Visitor<'de> for SignUpForms {
            type Value = SignUpOption;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }
            fn visit_unit<E: Error>(self) -> Result<SignUpOption, E> {
                Ok(SignUpOption::Off)
            }
            fn visit_bool<E: Error>(self, on: bool) -> Result<SignUpOption, E> {
                if on { Err(E::invalid_value(Unexpected::Bool(on), &EXPECTED)) } else { Ok(SignUpOption::Off) }
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<SignUpOption, E> {
                match text {
                    "off" | "no" | "none" => Ok(SignUpOption::Off),
                    "open" => Ok(SignUpOption::Open),
                    "invitation" => Ok(SignUpOption::Invitation),
                    _ => Err(E::invalid_value(Unexpected::Str(text), &EXPECTED)),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SignUpOption, A::Error> {
                DomainOptions::deserialize(MapAccessDeserializer::new(map)).map(SignUpOption::Domains)
            }
        }
        d.deserialize_any(SignUpForms)
    }
}

impl JsonSchema for SignUpOption {
    fn schema_name() -> Cow<'static, str> {
        "SignUpOption".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let domains = generator.subschema_for::<DomainOptions>();
        json_schema!({ "anyOf": [{ "enum": [null, false, "off", "no", "none", "open", "invitation"] }, domains] })
    }
}

/// Judges `users.signup`; `mail`: whether anything sends mail.
pub(crate) fn validate(option: Option<Spanned<SignUpOption>>, mail: bool, cx: &mut Checker) -> SignUpPolicy {
    let Some(Spanned { value, at }) = option else { return SignUpPolicy::Off };
    let policy = match value {
        SignUpOption::Off => return SignUpPolicy::Off,
        SignUpOption::Open => SignUpPolicy::Open,
        SignUpOption::Invitation => SignUpPolicy::Invitation,
        SignUpOption::Domains(DomainOptions { domains }) => {
            let fix = "write `{ domains: [example.com] }`, or `open` for any address";
            let Some(domains) = cx.need(domains, at, "domains", fix) else { return SignUpPolicy::Off };
            if domains.value.is_empty() && !cx.has_removed_items(domains.at) {
                cx.error(domains.at, "no domain is named, so nobody can sign up", fix);
            }
            SignUpPolicy::Domains(domains.value.into_iter().filter_map(|domain| named(&domain, cx)).collect())
        }
    };
    if !mail {
        let fix = "add `mail: { smtp: \"smtps://mail.example.com\", from: no-reply@example.com }`";
        cx.error(at, "nothing sends mail, and an address is confirmed by mail", fix);
    }
    policy
}

fn named(domain: &Spanned<String>, cx: &mut Checker) -> Option<String> {
    let read = host::from_operator(&domain.value).filter(|name| !name.contains(['*', '/', ':', '@']));
    if read.is_none() {
        cx.error(domain.at, "not the domain of a mail address", "write what stands behind the `@`, as `example.com`");
    }
    read
}
