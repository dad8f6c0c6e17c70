mod ended_recoveries;
mod erased;
mod files;
mod killed;
mod locked;
mod migrated;
mod outage;
mod outbox;
mod pooler;
mod recorded;
mod removals;

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use super::{Audit, Database, on};
use crate::auth::event::{Event, EventKind, RejectReason, What};
use crate::auth::factor::authenticator::{Sealed, TotpRecord};
use crate::auth::history::ActivityCursor;
use crate::auth::proof::{Method, RiskLevel};
use crate::auth::time::Timestamp;
use crate::auth::user::{UserId, Username};
use crate::flow::ports::{Accounts as _, Authenticators as _, History as _, Records};
use crate::flow::ports::{SealedAt, SealedRows as _, SigningKeys as _};
use crate::store::contract::accounts::accounts_contract;
use crate::store::contract::outbox::outbox_contract;
use crate::store::contract::postgres::Postgres;
use crate::store::contract::samples::{AccountPorts, account};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn ports(database: Database, guard: Arc<dyn std::any::Any + Send + Sync>) -> AccountPorts {
    let outbox = Arc::new(outbox::outbox(&database, &[1]));
    let sql = Arc::new(database);
    AccountPorts {
        outbox,
        accounts: sql.clone(),
        authenticators: sql.clone(),
        addresses: sql.clone(),
        passkeys: sql.clone(),
        lockouts: sql.clone(),
        recoveries: sql.clone(),
        sign_ups: sql.clone(),
        signing_keys: sql,
        guard,
    }
}

async fn sqlite() -> (Database, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", directory.path().join("stepgate.db").display());
    (Database::open(&url).await.unwrap(), directory)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_the_contract() {
    accounts_contract(async || {
        let (database, directory) = sqlite().await;
        ports(database, Arc::new(directory))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_the_contract() {
    let server = Postgres::start().await;
    // Races on a busy machine are about order, not about deadlines.
    let patient = async || Database::open(&format!("{}?timeout_ms=30000", server.database().await)).await.unwrap();
    accounts_contract(async || ports(patient().await, Arc::new(()))).await;
    outbox_contract(async || {
        let url = format!("{}?timeout_ms=30000", server.database().await);
        let open = async || Database::open(&url).await.unwrap();
        outbox::nodes(open().await, open().await, Arc::new(()))
    })
    .await;
    broken_rows_are_faults(&patient().await).await;
    sealed_rows_are_swapped_from_what_was_read(&patient().await).await;
    factors_are_counted(&patient().await).await;
    audit_is_written(&patient().await).await;
    erased::nothing_names_who_is_gone(&patient().await).await;
    migrated::a_database_of_an_earlier_version_is_brought_up_to_date(&server.database().await).await;
    recorded::changes_are_recorded_in_the_same_step(&patient().await).await;
    the_trail_is_remembered(&patient().await).await;
    let url = server.database().await;
    let opened = futures_util::future::join_all((0..6).map(|_| Database::open(&url))).await;
    assert!(opened.into_iter().all(|database| database.is_ok()), "nodes that start at once take turns");
    let wide = Database::open(&format!("{url}?max_connections=3")).await.unwrap();
    assert!(matches!(&wide.pool, super::Pool::Postgres(pool) if pool.pool.options().get_max_connections() == 3));
    assert!(Database::open(&format!("{url}?max_connections=0")).await.is_err());
}

#[tokio::test]
async fn broken_rows_are_faults_on_sqlite() {
    let (database, _directory) = sqlite().await;
    broken_rows_are_faults(&database).await;
    raw(&database, "update accounts set created_at = 'long ago' where id = 'id-ann'").await;
    let text = database.list().await.unwrap()[1].as_ref().err().unwrap().to_string();
    assert!(text.contains("`accounts`") && text.contains("id-ann"), "{text}");
}

#[tokio::test]
async fn a_schema_of_a_later_version_is_told_as_what_it_is() {
    let (database, directory) = sqlite().await;
    let later = "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
                 values (9999, 'later', true, x'00', 1)";
    raw(&database, later).await;
    let url = format!("sqlite://{}", directory.path().join("stepgate.db").display());
    let text = Database::open(&url).await.err().unwrap().to_string();
    assert!(text.contains("the schema is newer than this program"), "{text}");
}

async fn raw(database: &Database, sql: &str) {
    on!(database, pool => async { sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(pool).await.map(|_| ()) }).unwrap();
}

async fn broken_rows_are_faults(database: &Database) {
    let ann = account("ann");
    assert!(database.create(&ann).await.unwrap());
    assert!(database.create(&account("bob")).await.unwrap());
    for (breaks, mends) in [
        ("username = 'Ann'", "username = 'ann'"),
        ("username = ''", "username = 'ann'"),
        ("disabled = 7", "disabled = 0"),
        ("created_at = -1", "created_at = 1"),
        ("last_login_at = -1", "last_login_at = null"),
    ] {
        let [breaks, mends] = [breaks, mends].map(|set| format!("update accounts set {set} where id = 'id-ann'"));
        raw(database, &breaks).await;
        // Behind the others, however many groups it is in.
        let listed = database.list().await.unwrap();
        let names: Vec<_> = listed.iter().map(|a| a.as_ref().map(|a| a.identity.username.as_str()).ok()).collect();
        assert_eq!(names, [Some("bob"), None], "{breaks}");
        let fault = listed.into_iter().find_map(Result::err);
        for text in [database.load(&ann.identity.id).await.err(), fault] {
            let text = text.expect(&breaks).to_string();
            assert!(text.contains("`accounts`") && text.contains("id-ann"), "{text}");
        }
        raw(database, &mends).await;
        assert!(database.load(&ann.identity.id).await.unwrap().is_some());
    }
    database.put_totp(&ann.identity.id, &totp(), true, Records::NONE).await.unwrap();
    database.put_backup(&ann.identity.id, b"salt", &[vec![1]], Records::NONE).await.unwrap();
    for (breaks, mends) in [
        ("update totp set secret = '!'", "update totp set secret = 'AQID'"),
        ("update totp set digits = 0", "update totp set digits = 6"),
        ("update totp set digits = 300", "update totp set digits = 6"),
        ("update totp set period = 0", "update totp set period = 30"),
        ("update totp set period = -30", "update totp set period = 30"),
        ("update totp set last_step = -1", "update totp set last_step = null"),
        ("update totp set used_at = -1", "update totp set used_at = null"),
        ("update backup_sets set salt = '#'", "update backup_sets set salt = 'AQID'"),
    ] {
        raw(database, breaks).await;
        let text = database.of(&ann.identity.id).await.err().expect(breaks).to_string();
        assert!(text.contains("id-ann"), "{text}");
        raw(database, mends).await;
        assert!(database.of(&ann.identity.id).await.is_ok());
    }
    raw(database, "insert into signing_keys values (1, 'kid-1', '!', '{}', 1, null)").await;
    assert!(database.all().await.err().unwrap().to_string().contains("kid-1"));
    assert!(database.spend_step(&ann.identity.id, "one", u64::MAX, NOW).await.is_err(), "no step wraps around");
}

#[tokio::test]
async fn sealed_rows_of_sqlite_are_swapped_from_what_was_read() {
    let (database, _directory) = sqlite().await;
    sealed_rows_are_swapped_from_what_was_read(&database).await;
}

async fn sealed_rows_are_swapped_from_what_was_read(database: &Database) {
    let ann = account("ann");
    assert!(database.create(&ann).await.unwrap());
    database.put_totp(&ann.identity.id, &totp(), true, Records::NONE).await.unwrap();
    raw(database, "insert into signing_keys values (1, 'kid-1', 'AQID', '{}', 1, null)").await;
    let (old, new) = (Sealed(vec![1, 2, 3]), Sealed(vec![4, 5]));
    let all = database.sealed().await.unwrap();
    assert_eq!(
        all.iter().map(|(at, _)| at.clone()).collect::<Vec<_>>(),
        [SealedAt::Totp(ann.identity.id.clone()), SealedAt::Signing("kid-1".to_owned())]
    );
    for (at, sealed) in all {
        assert!(sealed == old);
        assert!(!database.swap(&at, &new, &old).await.unwrap(), "not what stands there");
        let (one, two) = tokio::join!(database.swap(&at, &old, &new), database.swap(&at, &old, &new));
        assert!(one.unwrap() ^ two.unwrap(), "of two racers one is first");
    }
    assert!(database.sealed().await.unwrap().iter().all(|(_, sealed)| *sealed == new));
    assert_eq!(database.of(&ann.identity.id).await.unwrap().totp.unwrap().id, "one", "and nothing else has changed");
    assert!(!database.swap(&SealedAt::Totp(account("bob").identity.id), &new, &old).await.unwrap());
    raw(database, "update totp set secret = '!'").await;
    assert!(database.sealed().await.err().unwrap().to_string().contains("id-ann"));
}

fn totp() -> TotpRecord {
    TotpRecord {
        id: "one".into(),
        secret: Sealed(vec![1, 2, 3]),
        digits: 6,
        period: 30,
        last_step: None,
        created_at: NOW,
        used_at: None,
    }
}

#[tokio::test]
async fn the_audit_trail_is_written_on_sqlite() {
    let (database, _directory) = sqlite().await;
    audit_is_written(&database).await;
}

#[tokio::test]
async fn the_audit_trail_is_remembered_on_sqlite() {
    let (database, _directory) = sqlite().await;
    the_trail_is_remembered(&database).await;
}

async fn the_trail_is_remembered(database: &Database) {
    let audit = Audit::new(database.clone());
    let (ann, bob) = (account("ann").identity.id, account("bob").identity.id);
    let event = |what, user: &UserId, ip: Option<&str>, browser: Option<&str>| Event {
        what,
        user: Some(user.clone()),
        username: None,
        client_ip: ip.map(|ip| ip.parse().unwrap()),
        session: None,
        browser: browser.map(str::to_owned),
        risk: None,
        learnt: false,
        by: None,
        agent: None,
        form: None,
        is_written: false,
    };
    let no = |method| What::ProofRejected { method, reason: RejectReason::Mismatch };
    let at = |seconds| NOW.plus(Duration::from_secs(seconds));
    let lines = [
        (at(1), event(What::SessionOpened { level: None }, &ann, Some("192.0.2.1"), Some("desk"))),
        (at(2), event(no(Method::Password), &ann, Some("2001:db8::1"), None)),
        (at(3), event(What::SessionOpened { level: None }, &bob, Some("192.0.2.2"), None)),
        (at(4), event(no(Method::Totp), &ann, Some("192.0.2.3"), None)),
        (at(5), event(What::SessionElevated, &ann, Some("192.0.2.3"), None)),
        (at(6), event(What::SessionOpened { level: Some(RiskLevel::Medium) }, &ann, Some("192.0.2.4"), None)),
        (at(7), event(What::SessionOpened { level: None }, &ann, None, None)),
    ];
    let lines: Vec<_> = lines.into_iter().map(|(at, event)| (at, None, event)).collect();
    audit.append(&lines).await.unwrap();
    for row in [
        "insert into audit values (1800000008000, null, 'session_opened', 'id-ann', null, '192.0.2.9', null, '{')",
        "insert into audit values (1800000009000, null, 'proof_rejected', 'id-ann', null, 'here', null, '{}')",
    ] {
        raw(database, row).await;
    }
    let sign_ins = database.sign_ins(&ann, NOW, 10).await.unwrap();
    let told: Vec<_> = sign_ins.iter().map(|s| (s.at, s.ip.to_string(), s.browser.as_deref())).collect();
    assert_eq!(told, [(at(6), "192.0.2.4".to_owned(), None), (at(1), "192.0.2.1".to_owned(), Some("desk"))]);
    assert!(sign_ins.iter().map(|s| s.level).eq([Some(RiskLevel::Medium), None]));
    assert_eq!(database.sign_ins(&ann, at(1), 10).await.unwrap().len(), 1, "after, not at");
    assert_eq!(database.sign_ins(&ann, NOW, 3).await.unwrap().len(), 1, "the newest rows, usable or not");
    let failures = database.failures(&ann, at(2), 10).await.unwrap();
    let told: Vec<_> = failures.iter().map(|f| (f.at, f.method)).collect();
    assert_eq!(told, [(at(4), Method::Totp), (at(2), Method::Password)], "at and after");
    assert_eq!(database.failures(&bob, NOW, 10).await.unwrap(), []);
    activity_is_read(database, &ann, &bob).await;
}

/// Of one person, from a moment on, page by page; rows that say nothing, and those of a later version, stop nobody.
async fn activity_is_read(database: &Database, ann: &UserId, bob: &UserId) {
    let at = |seconds| NOW.plus(Duration::from_secs(seconds));
    raw(
        database,
        "insert into audit values (1800000007000, null, 'later', 'id-ann', null, null, null, '{\"action\":\"later\"}')",
    )
    .await;
    let (mut read, mut cursor, mut pages) = (Vec::new(), Some(ActivityCursor::from(at(60))), 0);
    while let Some(next) = cursor {
        let page = database.activity(ann, at(2), next, 2).await.unwrap();
        read.extend(page.rows.into_iter().map(|row| (row.at, row.kind)));
        (cursor, pages) = (page.next, pages + 1);
    }
    use EventKind::{ProofRejected, SessionElevated, SessionOpened};
    let (opened, rejected) = (SessionOpened, ProofRejected);
    let all = [(at(7), opened), (at(6), opened), (at(5), SessionElevated), (at(4), rejected), (at(2), rejected)];
    assert_eq!((read.as_slice(), pages), (&all[..], 4));
    let own = database.activity(bob, NOW, ActivityCursor::from(at(60)), 9).await.unwrap();
    assert!(own.rows.len() == 1 && own.next.is_none());
    assert_eq!(database.last_of(ann, &[rejected, SessionElevated]).await.unwrap(), Some(at(9)));
    assert_eq!(database.last_of(bob, &[SessionElevated]).await.unwrap(), None);
}

/// On any database: each factor is counted once per account.
async fn factors_are_counted(database: &Database) {
    let before = database.enrolled().await.unwrap();
    assert!(
        before.iter().map(|(factor, _)| *factor).eq([
            "password",
            "totp",
            "backup_code",
            "email_code",
            "sms_code",
            "passkey"
        ]),
        "{before:?}"
    );
    let now = account("counted");
    let id = now.identity.id.clone();
    assert!(database.create(&now).await.unwrap());
    database.put_backup(&id, b"salt", &[b"one".to_vec(), b"two".to_vec()], Records::NONE).await.unwrap();
    let after = database.enrolled().await.unwrap();
    let more: Vec<u64> = before.iter().zip(&after).map(|((_, b), (_, a))| a - b).collect();
    assert_eq!(more, [u64::from(now.password_hash.is_some()), 0, 1, 0, 0, 0]);
}

#[tokio::test]
async fn factors_are_counted_on_sqlite() {
    let (database, _directory) = sqlite().await;
    factors_are_counted(&database).await;
}

async fn audit_is_written(database: &Database) {
    let audit = Audit::new(database.clone());
    let event = Event {
        what: What::ProofRejected { method: Method::Totp, reason: RejectReason::AlreadySpent },
        user: Some(account("ann").identity.id),
        username: Username::parse("ann"),
        client_ip: Some("2001:db8::1".parse().unwrap()),
        session: None,
        browser: Some("tag".into()),
        risk: None,
        learnt: false,
        by: None,
        agent: None,
        form: None,
        is_written: false,
    };
    let command = Event { what: What::AccountCreated, user: None, username: None, client_ip: None, ..event.clone() };
    audit.append(&[]).await.unwrap();
    audit.append(&[(NOW, Some("req-1".into()), event), (NOW, None, command)]).await.unwrap();
    type Row = (i64, Option<String>, String, Option<String>, Option<String>, String);
    const SQL: &str = "select at, request_id, action, username, client_ip, event from audit order by action desc";
    let rows: Vec<Row> = on!(database, pool => sqlx::query_as(SQL).fetch_all(pool)).unwrap();
    assert_eq!(rows.len(), 2);
    let (at, request, action, username, ip, event) = rows[0].clone();
    assert_eq!((at, request.as_deref(), action.as_str()), (1_800_000_000_000, Some("req-1"), "proof_rejected"));
    assert_eq!((username.as_deref(), ip.as_deref()), (Some("ann"), Some("2001:db8::1")));
    let event: serde_json::Value = serde_json::from_str(&event).unwrap();
    assert_eq!((event["reason"].as_str(), event["method"].as_str()), (Some("already_spent"), Some("totp")));
    assert_eq!((rows[1].1.as_deref(), rows[1].2.as_str()), (None, "account_created"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_file_is_private_and_may_be_opened_by_many_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stepgate.db");
    let url = format!("sqlite://{}", path.display());
    let opened = futures_util::future::join_all((0..8).map(|_| {
        let url = url.clone();
        async move { tokio::spawn(async move { Database::open(&url).await }).await.unwrap() }
    }))
    .await;
    for database in opened {
        assert!(database.unwrap().list().await.unwrap().is_empty());
    }
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        // A journal may go away between the listing and the look.
        let Ok(metadata) = entry.metadata() else { continue };
        assert_eq!(metadata.permissions().mode() & 0o077, 0, "{:?}", entry.file_name());
    }
}

#[tokio::test]
async fn urls_that_name_no_database_are_refused_in_words() {
    for (url, word) in [
        ("mysql://x:canary@y/z", "sqlite:///path"),
        ("", "sqlite:///path"),
        ("sqlite::memory:", "must name a file"),
        ("sqlite://", "must name a file"),
        ("sqlite:///x?mode=ro", "takes no"),
        ("sqlite:///nowhere/at/all.db", "does not exist"),
        ("postgres://u:canary@host:notaport/x", "cannot be read"),
        ("postgres://u:canary@127.0.0.1:1/x", "cannot reach postgres at 127.0.0.1:1"),
    ] {
        let text = Database::open(url).await.err().expect(url).to_string();
        assert!(text.contains(word) && !text.contains("canary"), "{url}: {text}");
    }
}
