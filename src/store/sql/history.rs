//! What the audit trail remembers of a person. A row that tells nothing usable is passed over: it can keep nobody out.

use std::net::IpAddr;

use async_trait::async_trait;
use serde_json::Value;

use super::Database;
use super::row::{rows, time_of};
use crate::auth::history::{Failure, SignIn, TrailRow, TrailStep};
use crate::auth::proof::{Method, RiskLevel};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, History};

/// Whose, when, from where, and the event as JSON.
type EventRow = (String, i64, Option<String>, String);

#[async_trait]
impl History for Database {
    async fn sign_ins(&self, user: &UserId, after: Timestamp, most: u32) -> Answer<Vec<SignIn>> {
        const SQL: &str = "select user_id, at, client_ip, event from audit where user_id = $1 \
             and action = 'session_opened' and at > $2 order by at desc limit $3";
        let found =
            rows!(self, "audit", sqlx::query(SQL).bind(&user.0).bind(time_of(after)?).bind(i64::from(most)), EventRow)?;
        let sign_in = |row: EventRow| {
            let (at, ip, event) = read(row)?;
            let level = event.get("level").and_then(Value::as_str);
            let level = RiskLevel::ALL.into_iter().find(|known| Some(known.name()) == level);
            Some(SignIn { at, ip, browser: event.get("browser").and_then(Value::as_str).map(str::to_owned), level })
        };
        Ok(found.into_iter().filter_map(sign_in).collect())
    }

    async fn failures(&self, user: &UserId, from: Timestamp, most: u32) -> Answer<Vec<Failure>> {
        const SQL: &str = "select user_id, at, client_ip, event from audit where user_id = $1 \
             and action = 'proof_rejected' and at >= $2 order by at desc limit $3";
        let found =
            rows!(self, "audit", sqlx::query(SQL).bind(&user.0).bind(time_of(from)?).bind(i64::from(most)), EventRow)?;
        let failure = |row: EventRow| {
            let (at, ip, event) = read(row)?;
            let method = event.get("method").and_then(Value::as_str).and_then(Method::from_name)?;
            Some(Failure { at, ip, method })
        };
        Ok(found.into_iter().filter_map(failure).collect())
    }

    async fn trail(&self, from: Timestamp, until: Timestamp) -> Answer<Vec<TrailRow>> {
        const SQL: &str = "select user_id, at, client_ip, event from audit where at >= $1 and at < $2 \
             and action in ('sign_in_assessed', 'session_opened') and user_id is not null order by at, action desc";
        let found = rows!(self, "audit", sqlx::query(SQL).bind(time_of(from)?).bind(time_of(until)?), EventRow)?;
        Ok(found.into_iter().filter_map(trail_row).collect())
    }
}

/// In one millisecond, what was assessed comes before what was opened.
fn trail_row((user, at, ip, event): EventRow) -> Option<TrailRow> {
    let at = Timestamp::from_millis(u64::try_from(at).ok()?);
    let mut event: Value = serde_json::from_str(&event).ok()?;
    let step = match event.get("action")?.as_str()? {
        "sign_in_assessed" => {
            let level = event.get("level")?.as_str()?.to_owned();
            let risk = serde_json::from_value(event.get_mut("risk")?.take()).ok()?;
            TrailStep::Assessed(level, Box::new(risk))
        }
        _ => TrailStep::Opened { learnt: event.get("learnt").and_then(Value::as_bool).unwrap_or(false) },
    };
    Some(TrailRow { at, user: UserId(user), ip: ip.and_then(|ip| ip.parse().ok()), step })
}

fn read((_, at, ip, event): EventRow) -> Option<(Timestamp, IpAddr, Value)> {
    let at = Timestamp::from_millis(u64::try_from(at).ok()?);
    Some((at, ip?.parse().ok()?, serde_json::from_str(&event).ok()?))
}
