//! What is left of an account that is gone, whatever table it was in.

use std::time::Duration;

use super::{NOW, outbox, raw, sqlite};
use crate::auth::event::{Event, What};
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::proof::Method;
use crate::auth::user::{UserId, Username};
use crate::flow::ports::{
    Accounts as _, Addresses as _, AuditEntry, Erasures as _, Invitation, Letter, LetterCode, Outbox as _, Recipient,
    Records, Remainder, SignUps as _,
};
use crate::store::contract::samples::account;
use crate::store::sql::{Audit, Database, Pool, on};

const HOUR: Duration = Duration::from_secs(3600);
/// A name that JSON writes in another way than SQL does.
const NAME: &str = "a\"n\\n";

fn entry(user: Option<&UserId>, name: Option<&str>, what: What) -> AuditEntry {
    let event = Event {
        what,
        user: user.cloned(),
        username: name.and_then(Username::parse),
        client_ip: None,
        session: None,
        browser: None,
        risk: None,
        by: None,
        agent: None,
        form: None,
        is_written: false,
        learnt: false,
    };
    (NOW, None, event)
}

fn letter(to: &str) -> Letter {
    let code = crate::auth::secret::SecretText::new("123456".to_owned());
    let host = "app.example.test".to_owned();
    Letter::SignInCode(LetterCode { to: Recipient::Email(to.to_owned()), code, host, valid: HOUR })
}

/// Every table and its columns.
async fn columns(database: &Database) -> Vec<(String, String)> {
    const LITE: &str =
        "select m.name, c.name from sqlite_master m join pragma_table_info(m.name) c where m.type = 'table'";
    const POSTGRES: &str = "select table_name::text, column_name::text from information_schema.columns \
         where table_schema = current_schema()";
    let sql = if matches!(database.pool, Pool::Sqlite(_)) { LITE } else { POSTGRES };
    on!(database, pool => sqlx::query_as(sql).fetch_all(pool)).unwrap()
}

/// Where a text stands, over all that there is.
async fn holders(database: &Database, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (table, column) in columns(database).await {
        let sql = format!("select count(*) from \"{table}\" where cast(\"{column}\" as text) like '%{text}%'");
        let (count,): (i64,) =
            on!(database, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).fetch_one(pool)).unwrap();
        if count > 0 {
            found.push(format!("{table}.{column}"));
        }
    }
    found.sort();
    found
}

pub(super) async fn nothing_names_who_is_gone(database: &Database) {
    let mut ann = account("ann");
    ann.identity.username = Username::parse(NAME).unwrap();
    let (id, bob) = (ann.identity.id.clone(), account("bob"));
    assert!(database.create(&ann).await.unwrap() && database.create(&bob).await.unwrap());
    let address =
        AddressRecord { id: "1".into(), kind: AddressKind::Email, value: "Ann@x.test".into(), confirmed_at: NOW };
    assert!(database.add(&id, &address, 5, Records::NONE).await.unwrap());
    let of = |table: &str, rest: &str| format!("insert into {table} values ('{id}', {rest});");
    raw(database, &of("totp", "'t', 'c2VjcmV0', 6, 30, null, 1, null")).await;
    raw(database, &of("backup_sets", "'c2FsdA'")).await;
    raw(database, &of("backup_codes", "'ZGln'")).await;
    raw(database, &of("lockouts", "'totp', 1, null")).await;
    raw(database, &of("wrong_codes", "'totp', 'p', 1, 1")).await;
    let key = format!(
        "insert into passkeys (id, account_id, name, rp_id, credential_id, public_key, aaguid, created_at) \
         values ('k', '{id}', 'n', 'r', 'Yw', 'cA', 'a', 1)"
    );
    raw(database, &key).await;
    let waiting = outbox::outbox(database, &[1]);
    for to in ["ann@x.test", "bob@x.test"] {
        waiting.put(&letter(to), NOW, NOW.plus(HOUR)).await.unwrap();
    }
    for (id, email) in [("1", "ANN@x.test"), ("2", "bob@x.test")] {
        let (email, groups, used_at) = (email.to_owned(), Vec::new(), None);
        let (created_at, expires_at) = (NOW, NOW.plus(HOUR));
        let invitation = Invitation { id: id.to_owned(), email, groups, created_at, expires_at, used_at };
        assert!(!database.invite(&invitation, id, Records::NONE).await.unwrap());
    }
    let trail = Audit::new(database.clone());
    let rejected = What::ProofAccepted { method: Method::Password };
    trail
        .append(&[
            entry(Some(&id), Some(NAME), rejected),
            entry(None, Some(NAME), rejected),
            entry(Some(&bob.identity.id), Some("bob"), rejected),
        ])
        .await
        .unwrap();
    let before = holders(database, &id.0).await;
    for table in [
        "accounts",
        "account_groups",
        "addresses",
        "audit",
        "backup_codes",
        "backup_sets",
        "lockouts",
        "passkeys",
        "totp",
        "wrong_codes",
    ] {
        assert!(before.iter().any(|at| at.starts_with(&format!("{table}."))), "{table} names nobody: {before:?}");
    }
    let letters = waiting.addressed_to(&[Recipient::Email("ANN@x.test".into())]).await.unwrap();
    assert_eq!(letters.len(), 1);
    let gone = Records::entries(vec![entry(Some(&id), None, What::AccountDeleted)]);
    assert!(database.delete_recorded(&id, &letters, &gone).await.unwrap());
    assert!(!database.delete_recorded(&id, &letters, &gone).await.unwrap());
    let invited = database.invitations().await.unwrap();
    assert_eq!(invited.iter().map(|one| one.email.as_str()).collect::<Vec<_>>(), ["bob@x.test"]);
    // The trail and what is still to be done keep the id, which says nothing; nothing keeps the name.
    assert_eq!(holders(database, &id.0).await, ["audit.event", "audit.user_id", "erasures.user_id"]);
    let names: Vec<(Option<String>, String)> =
        on!(database, pool => sqlx::query_as("select username, event from audit order by username").fetch_all(pool))
            .unwrap();
    let named = |(name, event): &&(Option<String>, String)| name.is_some() || !event.contains("\"username\":null");
    let named: Vec<_> = names.iter().filter(named).collect();
    assert_eq!(named.len(), 1, "{named:?}");
    assert_eq!(named[0].0.as_deref(), Some("bob"));
    assert_eq!(waiting.addressed_to(&[Recipient::Email("bob@x.test".into())]).await.unwrap().len(), 1);
    // What is written behind an answer a moment later loses the name too.
    let (later, until) = (NOW.plus(HOUR), NOW.plus(HOUR * 2));
    database.remember_sessions(&id, &["s1".to_owned(), "s2".to_owned()]).await.unwrap();
    database.remember_sessions(&id, &["s2".to_owned()]).await.unwrap();
    database.remember_sessions(&bob.identity.id, &["s3".to_owned()]).await.unwrap();
    assert!(database.lease(later, NOW.minus(HOUR), until).await.unwrap().is_empty(), "not yet");
    let left = database.lease(later, NOW, until).await.unwrap();
    let sessions = vec!["s1".to_owned(), "s2".to_owned()];
    assert_eq!(left, [Remainder { user: id.clone(), sessions: sessions.clone(), is_swept: false }]);
    assert!(database.lease(later, NOW, until).await.unwrap().is_empty(), "another node has it");
    database.renew(later, until.plus(HOUR * 9)).await.unwrap();
    database.renew(until, until.plus(HOUR)).await.unwrap();
    assert!(database.lease(until, NOW, until.plus(HOUR)).await.unwrap().is_empty(), "it goes on");
    let after = until.plus(HOUR);
    assert_eq!(database.lease(after, NOW, after.plus(HOUR)).await.unwrap(), left, "that node died");
    trail.append(&[entry(Some(&id), Some(NAME), rejected)]).await.unwrap();
    assert_eq!(database.scrub(&id).await.unwrap(), 1);
    assert_eq!(database.scrub(&id).await.unwrap(), 0);
    database.remember_swept(std::slice::from_ref(&id), after).await.unwrap();
    let swept = database.lease(after.plus(HOUR), NOW, after.plus(HOUR * 2)).await.unwrap();
    assert_eq!(swept, [Remainder { user: id.clone(), sessions, is_swept: true }], "only files are left");
    database.finish(std::slice::from_ref(&id)).await.unwrap();
    assert!(database.lease(after.plus(HOUR * 2), NOW, after.plus(HOUR * 3)).await.unwrap().is_empty());
    assert_eq!(holders(database, &id.0).await, ["audit.event", "audit.user_id"]);
    // A node of the version before knows nothing of the sessions that are remembered.
    assert!(database.delete(&bob.identity.id).await.unwrap());
    database.remember_sessions(&bob.identity.id, &["session-of-bob".to_owned()]).await.unwrap();
    assert_eq!(holders(database, "session-of-bob").await, ["erased_sessions.session"]);
    raw(database, &format!("delete from erasures where user_id = '{}'", bob.identity.id)).await;
    assert!(holders(database, "session-of-bob").await.is_empty(), "they go with the row");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_names_nobody_who_is_gone() {
    let (database, _directory) = sqlite().await;
    nothing_names_who_is_gone(&database).await;
}
