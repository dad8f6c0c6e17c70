//! What the audit trail remembers of a person. A row that tells nothing usable is passed over: it can keep nobody out.

use std::net::IpAddr;

use async_trait::async_trait;
use serde_json::Value;

use super::Database;
use super::row::{rows, time_of};
use crate::auth::history::{Failure, SignIn};
use crate::auth::proof::Method;
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
            Some(SignIn { at, ip, browser: event.get("browser").and_then(Value::as_str).map(str::to_owned) })
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
}

fn read((_, at, ip, event): EventRow) -> Option<(Timestamp, IpAddr, Value)> {
    let at = Timestamp::from_millis(u64::try_from(at).ok()?);
    Some((at, ip?.parse().ok()?, serde_json::from_str(&event).ok()?))
}
