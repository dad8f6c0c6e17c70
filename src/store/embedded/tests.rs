use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;

use super::Embedded;
use crate::auth::factor::authenticator::Sealed;
use crate::auth::session::SessionKey;
use crate::auth::throttle::{Charge, Limit};
use crate::auth::time::Timestamp;
use crate::flow::ports::{
    Clock as _, Ended, Ledger as _, Sessions, Sweep as _, SweptEntry, Throttle as _, Transient as _, TransientKind,
    View,
};
use crate::store::contract::samples::{Damaged, ManualClock, StatePorts, cipher, ring_of, session, session_key};
use crate::store::contract::sealing::{earlier_record, rotation_cases};
use crate::store::contract::state::state_contract;
use crate::store::contract::upgrade;
use crate::store::record_cipher::RecordCipher;
use crate::store::vault::KeyRing;

const HOUR: Duration = Duration::from_secs(3600);
const START: Timestamp = Timestamp::from_secs(1_800_000_000);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeps_the_contract_of_state() {
    state_contract(async || {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        state_ports(directory, ring_of(&[1], &[]), Arc::new(ManualClock::at(START))).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeps_the_contract_of_a_rotation() {
    rotation_cases(async |rings| {
        let (directory, clock) = (Arc::new(tempfile::tempdir().unwrap()), Arc::new(ManualClock::at(START)));
        let mut nodes = Vec::new();
        for (used, next) in rings {
            nodes.push(state_ports(directory.clone(), ring_of(used, next), clock.clone()).await);
        }
        nodes
    })
    .await;
}

async fn state_ports(directory: Arc<tempfile::TempDir>, ring: Arc<KeyRing>, clock: Arc<ManualClock>) -> StatePorts {
    let path = directory.path().join("state.db");
    let store =
        Arc::new(Embedded::open(&path, Arc::default(), RecordCipher::new(ring.clone()), clock.clone()).await.unwrap());
    let (hand, file) = (clock.clone(), path.clone());
    StatePorts {
        clock,
        pass: Arc::new(move |by| {
            hand.pass(by);
            Box::pin(std::future::ready(()))
        }),
        sessions: store.clone(),
        ceremonies: View::new(store.clone(), ring.clone()),
        pending: View::new(store.clone(), ring),
        transient: store.clone(),
        sweep: store.clone(),
        codes: store.clone(),
        ledger: store.clone(),
        throttle: store.clone(),
        quotas: store,
        plant: Arc::new(move |what, value| {
            let path = path.clone();
            Box::pin(async move { plant(&path, what, value).await })
        }),
        dump: Arc::new(move || {
            let path = file.clone();
            Box::pin(async move { dump(&path).await })
        }),
        guard: directory,
    }
}

/// Everything in the tables but the marks.
async fn dump(path: &Path) -> Vec<u8> {
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let mut all = Vec::new();
    for sql in [
        "select key || ' ' || user_id || ' ' || body || ' ' || seen_at || ' ' || ends_at from state_sessions",
        "select kind || ' ' || key || ' ' || value || ' ' || ends_at from state_transient",
        "select key || ' ' || digest || ' ' || left_over || ' ' || ends_at from state_codes",
        "select key || ' ' || ends_at from state_counters",
    ] {
        let rows: Vec<(String,)> = sqlx::query_as(sql).fetch_all(&pool).await.unwrap();
        assert!(!rows.is_empty(), "{sql}");
        rows.into_iter().for_each(|(row,)| all.extend(row.into_bytes()));
    }
    pool.close().await;
    all
}

/// What the version before sealing kept ends: all at the first opening, and one by one what it writes after that.
#[tokio::test]
async fn records_of_an_earlier_version_end() {
    let t = two().await;
    let path = t._directory.path().join("state.db");
    let (key, later, one) = (session_key(), session_key(), session("ann", START));
    let plain = async |key: &SessionKey| {
        const SQL: &str =
            "insert into state_sessions (key, user_id, body, seen_at, ends_at) values ($1, 'id-ann', $2, $3, $4)";
        let millis = i64::try_from(START.as_millis()).unwrap();
        let query = sqlx::query(SQL).bind(key.encoded()).bind(earlier_record("body", &one)).bind(millis);
        query.bind(millis + 3_600_000).execute(&t.other.writer).await.unwrap();
    };
    plain(&key).await;
    let counter = "insert into state_counters (key, ends_at) values ('password:network:203.0.113.0/24', 9)";
    sqlx::query(counter).execute(&t.other.writer).await.unwrap();
    let ours = open(&t.one, &t.clock).await;
    let newer = Embedded::open(&path, Arc::default(), cipher(), t.clock.clone()).await.unwrap();
    let left = async || {
        let sql = "select (select count(*) from state_sessions), (select count(*) from state_counters)";
        sqlx::query_as::<_, (i64, i64)>(sql).fetch_one(&newer.readers).await.unwrap()
    };
    assert_eq!(left().await, (1, 0), "they are gone, and nothing else is");
    assert!(Sessions::load(&newer, &key).await.unwrap().is_none());
    plain(&later).await;
    assert!(Sessions::load(&newer, &later).await.unwrap().is_none());
    assert_eq!(left().await, (1, 0), "it is ended by that");
    assert!(Sessions::load(&newer, &ours).await.unwrap().is_some());
}

/// A file as the version before this one has left it, in its own tables.
#[tokio::test]
async fn what_the_version_before_has_kept_goes_on() {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    let path = directory.path().join("state.db");
    let mut before = Embedded::migrator();
    before.migrations.to_mut().truncate(1);
    crate::store::sql::sqlite::migrate(&path, before).await.unwrap();
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let rows: [(&str, &[&str]); 5] = [
        (
            "insert into state_sessions (key, user_id, body, seen_at, ends_at) \
             values ($1, $2, $3, 1800000000000, 1800003600000)",
            &[upgrade::SESSION_NAME, upgrade::OWNER, upgrade::SESSION],
        ),
        (
            "insert into state_ceremonies (key, body, ends_at) values ($1, $2, 1800000600000)",
            &[upgrade::CEREMONY_NAME, upgrade::CEREMONY],
        ),
        (
            "insert into state_pending (key, value, ends_at) values ($1, cast($2 as blob), 1800000600000)",
            &[upgrade::PENDING_NAME, upgrade::PENDING],
        ),
        ("insert into state_counters (key, ends_at) values ($1, 1800003600000)", &[upgrade::COUNTER]),
        ("insert into state_marks (mark, ends_at) values ($1, 1800000060000)", &["totp:1:2"]),
    ];
    for (sql, values) in rows {
        let query = values.iter().fold(sqlx::query(sql), |query, value| query.bind(*value));
        query.execute(&pool).await.unwrap();
    }
    pool.close().await;
    let clock = Arc::new(ManualClock::at(upgrade::THEN));
    upgrade::goes_on(&state_ports(directory, ring_of(&[1], &[]), clock).await).await;
}

struct Two {
    _directory: tempfile::TempDir,
    clock: Arc<ManualClock>,
    one: Embedded,
    other: Embedded,
}

/// Two stores on one file, as two processes have them.
async fn two() -> Two {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(START));
    let path = directory.path().join("state.db");
    let (one, other) = tokio::join!(
        Embedded::open(&path, Arc::default(), cipher(), clock.clone()),
        Embedded::open(&path, Arc::default(), cipher(), clock.clone())
    );
    Two { _directory: directory, clock, one: one.unwrap(), other: other.unwrap() }
}

async fn open(store: &Embedded, clock: &ManualClock) -> SessionKey {
    let key = session_key();
    assert!(store.replace(None, &key, &session("ann", clock.now()), clock.now().plus(HOUR)).await.unwrap());
    key
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_revoked_by_another_process_is_gone_within_a_second() {
    let t = two().await;
    for by_hand in [false, true] {
        let key = open(&t.one, &t.clock).await;
        for _ in 0..3 {
            assert!(Sessions::load(&t.one, &key).await.unwrap().is_some(), "it is warm now");
        }
        if by_hand {
            sqlx::query("delete from state_sessions").execute(&t.other.writer).await.unwrap();
        } else {
            assert!(t.other.revoke(&key).await.unwrap());
        }
        let gone = async {
            while Sessions::load(&t.one, &key).await.unwrap().is_some() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(1), gone).await.expect("gone within a second");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_session_by_another_process_is_noticed() {
    let t = two().await;
    let (own, others) = (open(&t.one, &t.clock).await, open(&t.one, &t.clock).await);
    let mut ends = t.one.ended();
    assert_eq!(ends.next().await, Some(Ended::Lost), "what ended before is unknown");
    assert!(t.one.revoke(&own).await.unwrap());
    assert!(matches!(ends.next().await, Some(Ended::One { key, .. }) if key == own), "and nothing else for it");
    assert!(t.other.revoke(&others).await.unwrap());
    let noticed = async { while ends.next().await != Some(Ended::Lost) {} };
    tokio::time::timeout(Duration::from_secs(5), noticed).await.expect("noticed in time");
}

#[tokio::test]
async fn a_warm_session_is_answered_from_memory_and_a_revoked_one_never() {
    let t = two().await;
    let (key, stays) = (open(&t.one, &t.clock).await, open(&t.one, &t.clock).await);
    let first = Sessions::load(&t.one, &key).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&first, &Sessions::load(&t.one, &key).await.unwrap().unwrap()), "the very same value");
    assert!(t.one.revoke(&key).await.unwrap());
    assert!(Sessions::load(&t.one, &key).await.unwrap().is_none(), "at once, in the process that revoked it");
    assert!(Sessions::load(&t.one, &stays).await.unwrap().is_some());
    t.clock.pass(HOUR);
    assert!(Sessions::load(&t.one, &stays).await.unwrap().is_none(), "memory does not outlive the session");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_never_comes_back_while_it_is_loaded_and_revoked_at_once() {
    let t = Arc::new(two().await);
    for _ in 0..50 {
        let key = open(&t.one, &t.clock).await;
        let loaders: Vec<_> = (0..4)
            .map(|_| {
                let t = t.clone();
                tokio::spawn(async move { Sessions::load(&t.one, &key).await.unwrap() })
            })
            .collect();
        assert!(t.one.revoke(&key).await.unwrap());
        for loader in loaders {
            loader.await.unwrap();
        }
        assert!(Sessions::load(&t.one, &key).await.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_marks_and_counters() {
    let t = Arc::new(two().await);
    let racers: Vec<_> = (0..40)
        .map(|n| {
            let t = t.clone();
            tokio::spawn(async move {
                let store = if n % 2 == 0 { &t.one } else { &t.other };
                let charge = Charge { key: "k".into(), limit: Limit { tries: 5, refill: HOUR } };
                let charged = store.charge(&[charge], START).await.unwrap();
                (store.claim("mark", HOUR).await.unwrap(), charged.is_go())
            })
        })
        .collect();
    let (mut claimed, mut charged) = (0, 0);
    for racer in racers {
        let (first, room) = racer.await.unwrap();
        (claimed, charged) = (claimed + usize::from(first), charged + usize::from(room));
    }
    assert_eq!((claimed, charged), (1, 5));
}

#[tokio::test]
async fn ended_rows_are_swept() {
    let t = two().await;
    for n in 0..100 {
        assert!(t.one.claim(&format!("old:{n}"), Duration::from_secs(1)).await.unwrap());
    }
    t.clock.pass(Duration::from_secs(2));
    for n in 0..200 {
        assert!(t.one.claim(&format!("new:{n}"), HOUR).await.unwrap());
    }
    let (left,): (i64,) = sqlx::query_as("select count(*) from state_marks").fetch_one(&t.one.readers).await.unwrap();
    assert_eq!(left, 200);
}

/// Puts bytes into a row of the file; of a counter, a time that none can be.
async fn plant(path: &Path, what: Damaged, value: Vec<u8>) {
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let (sql, name) = match what {
        Damaged::Session(name) => ("update state_sessions set body = cast($1 as text) where key = $2", name),
        Damaged::Ceremony(name) => (
            "insert into state_transient (kind, key, value, ends_at) \
             values ('ceremony', $2, cast($1 as text), 9223372036854775807) \
             on conflict (kind, key) do update set value = excluded.value",
            name,
        ),
        Damaged::Counter(name) => {
            let odd = if value.len().is_multiple_of(2) { -5_i64 } else { i64::MAX };
            let sql = "insert into state_counters (key, ends_at) values ($2, $1) \
                 on conflict (key) do update set ends_at = excluded.ends_at";
            sqlx::query(sql).bind(odd).bind(cipher().counter(&name)).execute(&pool).await.unwrap();
            return pool.close().await;
        }
    };
    sqlx::query(sql).bind(value).bind(name).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test]
async fn a_time_or_a_name_that_is_none_leaves_no_session() {
    let t = two().await;
    let ann = crate::auth::user::UserId("id-ann".into());
    let key = open(&t.one, &t.clock).await;
    sqlx::query("update state_sessions set seen_at = -1").execute(&t.other.writer).await.unwrap();
    assert!(Sessions::load(&t.one, &key).await.unwrap().is_none());
    assert!(t.one.of_user(&ann).await.unwrap().is_empty());
    let key = open(&t.one, &t.clock).await;
    for name in ["'no digest'", "cast(x'ff' as text)"] {
        let sql = sqlx::AssertSqlSafe(format!("update state_sessions set key = {name}"));
        sqlx::query(sql).execute(&t.other.writer).await.unwrap();
        assert!(t.one.of_user(&ann).await.unwrap().is_empty(), "no token has such a digest");
    }
    assert!(!t.one.revoke(&key).await.unwrap());
    assert_eq!(t.one.revoke_all(&ann).await.unwrap(), 1);
}

#[tokio::test]
async fn a_file_of_another_kind_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    std::fs::write(&path, "this is not a database, however long the text may be".repeat(100)).unwrap();
    let clock = Arc::new(ManualClock::at(START));
    assert!(Embedded::open(&path, Arc::default(), cipher(), clock.clone()).await.is_err());
    let text = Embedded::open(&directory.path().join("none/state.db"), Arc::default(), cipher(), clock)
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(text.contains("does not exist"), "{text}");
}

#[tokio::test]
async fn sessions_are_counted_until_they_end() {
    let two = two().await;
    for _ in 0..3 {
        open(&two.one, &two.clock).await;
    }
    let sampled = two.other.session_sample().await.unwrap();
    assert_eq!((sampled.total, sampled.sessions.len()), (3, 3));
    two.clock.pass(HOUR);
    let sampled = two.other.session_sample().await.unwrap();
    assert_eq!((sampled.total, sampled.sessions.len()), (0, 0));
}

/// On one thread, so that whoever else has something to do is seen to get a turn.
#[tokio::test]
async fn a_step_of_a_sweep_reads_few_values_and_lets_others_have_their_turn_after_each() {
    let t = two().await;
    for n in 0..50 {
        t.one.put(TransientKind::Slip, &format!("a{n}"), &Sealed(vec![7; 40]), HOUR).await.unwrap();
    }
    let turns = Arc::new(AtomicUsize::new(0));
    let others = tokio::spawn({
        let turns = turns.clone();
        async move {
            loop {
                turns.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        }
    });
    let (mut from, mut read) = (None, 0);
    loop {
        let seen = Mutex::new(Vec::new());
        let is_meant = |entry: SweptEntry<'_>| {
            if let SweptEntry::Value(..) = entry {
                seen.lock().unwrap().push(turns.load(Ordering::SeqCst));
            }
            false
        };
        from = t.one.step(from.as_deref(), &is_meant).await.unwrap().next;
        let seen = seen.into_inner().unwrap();
        assert!(seen.len() <= 20, "{} at once", seen.len());
        assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "{seen:?}");
        read += seen.len();
        if from.is_none() {
            break;
        }
    }
    assert_eq!(read, 50);
    others.abort();
}
