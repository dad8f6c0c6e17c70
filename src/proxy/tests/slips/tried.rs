//! Rules that are only tried are compared with what a proof for one request lets through.

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::auth::policy::pattern::PathPattern;
use crate::auth::policy::rule::{Access, Audience, Rule};
use crate::auth::policy::{AppPolicy, Policy};
use crate::auth::proof::{Binding, Requirement, Strength};

fn rule(name: &str, path: &str, access: Access, shadow: bool) -> Arc<Rule> {
    Arc::new(Rule { shadow, ..Rule::new(name, PathPattern::glob(path).unwrap(), access) })
}

/// Two factors, proved for what is said.
fn bound(binding: Option<Binding>) -> Access {
    let requirement = Requirement::of(Strength::TwoFactor);
    let requirement = binding.map_or(requirement, |binding| Requirement { binding, ..requirement });
    Access::Guarded { audience: Audience::default(), requirement }
}

#[tokio::test]
async fn what_is_counted_of_a_request_that_passed_by_a_proof_is_compared_with_the_permit() {
    let (app, heard) = upstream(OK).await;
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    let mut settings = settings(&[app]);
    settings.listen.admin = Some(([127, 0, 0, 1], 0).into());
    let rules = vec![
        rule("strict", "/**", Access::Deny, true),
        rule("plain", "/**", bound(None), true),
        rule("once", "/once/**", bound(Some(Binding::Request)), false),
        rule("paid", "/paid/**", bound(Some(Binding::Transaction)), false),
    ];
    let policy = AppPolicy {
        offer: Default::default(),
        host: "app.test".to_owned(),
        tolerate: Default::default(),
        rules: rules.into(),
    };
    let rig = Rig::start_by(settings, world.ports(), Arc::new(Policy::new([policy]))).await;
    let stage = Stage { world, key, rig, heard };
    let mut ann = stage.session(1, Channel::Bearer);
    let slip = stage.slip(&mut ann, "GET", "/once/a").await;
    assert_eq!(stage.ask(&ann, "GET", "/once/a", &header(&slip)).await, told("200", ""));
    let counted = async || {
        let mut stream = tokio::net::TcpStream::connect(stage.rig.listen.admin.unwrap()).await.unwrap();
        say(&mut stream, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let text = String::from_utf8(answer(&mut stream).await.1).unwrap();
        text.lines().filter(|line| line.starts_with("stepgate_shadow_total{")).map(str::to_owned).collect::<Vec<_>>()
    };
    let refused =
        |count| vec![format!("stepgate_shadow_total{{from=\"permit\",rule=\"strict\",to=\"refuse\"}} {count}")];
    assert_eq!(counted().await, refused(1), "the rule that asks for less would have permitted it too");
    let hex = HEXLOWER.encode(&Sha256::digest(b"5 EUR"));
    let paid = stage.elevate(&mut ann, json!({"method": "POST", "url": "/paid/a", "body_sha256": hex})).await;
    let slip = paid["slip"].as_str().unwrap_or_else(|| panic!("{paid}"));
    let (who, slip) = (ann.credential(), header(slip));
    let request = format!("POST /paid/a HTTP/1.1\r\nHost: app.test\r\n{who}{slip}Content-Length: 5\r\n\r\n5 EUR");
    assert!(stage.rig.exchange(&request).await.starts_with("HTTP/1.1 200"));
    assert_eq!(counted().await, refused(2), "and where it hung on the body");
}
