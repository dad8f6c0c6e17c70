//! What the audit trail remembers of a person. A row that tells nothing usable is passed over: it can keep nobody out.

use std::net::IpAddr;

use async_trait::async_trait;
use serde_json::Value;

use super::Database;
use super::row::{rows, time_of};
use crate::auth::event::EventKind;
use crate::auth::history::{Activity, ActivityCursor, ActivityPage, Failure, SignIn, TrailRow, TrailStep};
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
            Some(SignIn { at, ip, browser: text(&event, "browser"), level, agent: text(&event, "agent") })
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

    async fn activity(
        &self,
        user: &UserId,
        from: Timestamp,
        cursor: ActivityCursor,
        most: u32,
    ) -> Answer<ActivityPage> {
        // In one millisecond, what was proved comes before what was opened by it; which of two alike comes first is one.
        const SQL: &str = "select user_id, at, client_ip, event from audit where user_id = $1 \
             and at >= $2 and at <= $3 order by at desc, action desc, event desc limit $4";
        let (from, until, limit) = (time_of(from)?, time_of(cursor.at)?, i64::from(cursor.rows_for(most)));
        let found = rows!(self, "audit", sqlx::query(SQL).bind(&user.0).bind(from).bind(until).bind(limit), EventRow)?;
        let row = |row: EventRow| (moment(row.1), activity(row));
        Ok(cursor.page(found.into_iter().map(row).collect(), most))
    }

    async fn last_of(&self, user: &UserId, kinds: &[EventKind]) -> Answer<Option<Timestamp>> {
        const SQL: &str = "select user_id, at, client_ip, event from audit where user_id = $1 \
             and action = $2 order by at desc limit 1";
        let mut last = None;
        for kind in kinds {
            let found = rows!(self, "audit", sqlx::query(SQL).bind(&user.0).bind(kind.name()), EventRow)?;
            last = last.max(found.first().map(|row| moment(row.1)));
        }
        Ok(last)
    }

    async fn trail(&self, from: Timestamp, until: Timestamp) -> Answer<Vec<TrailRow>> {
        const SQL: &str = "select user_id, at, client_ip, event from audit where at >= $1 and at < $2 \
             and action in ('sign_in_assessed', 'session_opened', 'session_unusual') and user_id is not null order by at, action desc";
        let found = rows!(self, "audit", sqlx::query(SQL).bind(time_of(from)?).bind(time_of(until)?), EventRow)?;
        Ok(found.into_iter().filter_map(trail_row).collect())
    }
}

/// In one millisecond, what was assessed comes before what was opened.
fn trail_row((user, at, ip, event): EventRow) -> Option<TrailRow> {
    let at = Timestamp::from_millis(u64::try_from(at).ok()?);
    let event: Value = serde_json::from_str(&event).ok()?;
    let session = text(&event, "session");
    let assessed = || {
        let level = event.get("level")?.as_str()?.to_owned();
        Some((level, Box::new(serde_json::from_value(event.get("risk")?.clone()).ok()?)))
    };
    let step = match event.get("action")?.as_str()? {
        "sign_in_assessed" => {
            let (level, risk) = assessed()?;
            TrailStep::Assessed(level, risk)
        }
        "session_unusual" => {
            let (level, risk) = assessed()?;
            TrailStep::Used(level, risk)
        }
        _ => TrailStep::Opened { learnt: event.get("learnt").and_then(Value::as_bool).unwrap_or(false) },
    };
    Some(TrailRow { at, user: UserId(user), ip: ip.and_then(|ip| ip.parse().ok()), session, step })
}

/// A row that a later version of this program wrote is passed over.
fn activity((_, at, ip, event): EventRow) -> Option<Activity> {
    let event: Value = serde_json::from_str(&event).ok()?;
    Some(Activity {
        at: moment(at),
        kind: EventKind::from_name(event.get("action")?.as_str()?)?,
        method: event.get("method").and_then(Value::as_str).and_then(Method::from_name),
        ip: ip.and_then(|ip| ip.parse().ok()),
        browser: text(&event, "browser"),
        agent: text(&event, "agent"),
        session: text(&event, "session"),
    })
}

fn moment(at: i64) -> Timestamp {
    Timestamp::from_millis(u64::try_from(at).unwrap_or_default())
}

fn text(event: &Value, name: &str) -> Option<String> {
    event.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn read((_, at, ip, event): EventRow) -> Option<(Timestamp, IpAddr, Value)> {
    let at = Timestamp::from_millis(u64::try_from(at).ok()?);
    Some((at, ip?.parse().ok()?, serde_json::from_str(&event).ok()?))
}
