//! A database that was made before recovery, sign-up and the sweeps came, with rows in every table that it had.

use sqlx::migrate::{Migration, Migrator};
use sqlx::{Connection as _, PgConnection};

use super::NOW;
use crate::auth::factor::authenticator::AddressKind;
use crate::auth::history::ActivityCursor;
use crate::auth::proof::Method;
use crate::auth::time::Timestamp;
use crate::auth::user::{UserId, Username};
use crate::flow::ports::{
    Accounts as _, Addresses as _, Authenticators as _, Erasures as _, History as _, Lockouts as _, Recoveries as _,
    RecoveryRef, Remainder, SignUps as _,
};
use crate::store::sql::Database;
use crate::store::sql::sqlite;

/// The last of the schema of that version.
const LAST: i64 = 8;

const ROWS: &str = r#"
insert into accounts (id, username, email, password_hash, created_at, credentials_generation, sessions_generation)
    values ('01ANN', 'ann', 'ann@x.test', '$argon2id$x', 1, 3, 4), ('01BOB', 'bob', null, null, 1, 0, 0);
insert into account_groups values ('01ANN', 'staff');
insert into totp values ('01ANN', 't', 'c2VjcmV0', 6, 30, 7, 1, null);
insert into backup_sets values ('01ANN', 'c2FsdA==');
insert into backup_codes values ('01ANN', 'ZGln');
insert into lockouts values ('01ANN', 'totp', 2, null);
insert into wrong_codes values ('01ANN', 'totp', 'p', 2, 1);
insert into addresses values ('a', '01ANN', 'email', 'Ann@x.test', 'ann@x.test', 1);
insert into passkeys (id, account_id, name, rp_id, credential_id, public_key, aaguid, created_at)
    values ('k', '01ANN', 'n', 'r', 'Yw==', 'cA==', '00000000-0000-0000-0000-000000000000', 1);
insert into outbox (id, letter, due_at, expires_at) values ('l', 'c2VhbGVk', 1, 2);
insert into erasures values ('01GONE', 1);
insert into audit values (5, null, 'password_set', '01ANN', 'ann', null, null,
    '{"action":"password_set","user":"01ANN","username":"ann","client_ip":null,"session":null}');
"#;

fn of_that_version() -> Migrator {
    let all = sqlx::migrate!("./migrations");
    let older: Vec<Migration> = all.iter().filter(|migration| migration.version <= LAST).cloned().collect();
    assert_eq!(older.len(), 8);
    Migrator::with_migrations(older)
}

async fn all_is_there(database: &Database) {
    let ann = UserId("01ANN".to_owned());
    let account = database.find(&Username::parse("ann").unwrap()).await.unwrap().unwrap();
    assert_eq!((account.identity.id.clone(), account.generation.credentials, account.generation.sessions), (ann, 3, 4));
    let ann = &account.identity.id;
    let enrolled = database.of(ann).await.unwrap();
    assert!(enrolled.totp.is_some_and(|totp| totp.last_step == Some(7)));
    assert_eq!(enrolled.backup.map(|backup| backup.left), Some(1));
    assert_eq!((enrolled.addresses.len(), enrolled.passkeys.len()), (1, 1));
    assert_eq!(database.owner(AddressKind::Email, "ann@x.test").await.unwrap().as_ref(), Some(ann));
    assert_eq!(database.remembered(ann).await.unwrap(), [(Method::Totp, 2)]);
    assert_eq!(database.kept_letters().await.unwrap().len(), 1);
    let seen = database.activity(ann, Timestamp::default(), ActivityCursor::from(NOW), 10).await.unwrap();
    assert_eq!(seen.rows.len(), 1);
    // What is new is there, and empty.
    assert!(database.waiting(RecoveryRef::Of(ann), NOW).await.unwrap().is_none());
    assert!(database.issued(ann, NOW).await.unwrap().is_none());
    assert_eq!(database.origin(ann).await.unwrap(), None);
    assert!(database.invitations().await.unwrap().is_empty());
    // What was left to do is done.
    let gone = UserId("01GONE".to_owned());
    let left = database.lease(NOW, NOW, NOW.plus(std::time::Duration::from_secs(60))).await.unwrap();
    assert_eq!(left, [Remainder { user: gone.clone(), sessions: Vec::new(), is_swept: false }]);
    database.finish(&[gone]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_an_earlier_version_is_brought_up_to_date_with_all_that_is_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stepgate.db");
    sqlite::migrate(&path, of_that_version()).await.unwrap();
    let pool = sqlite::pool(sqlite::options(&path, sqlite::Durable::Power), 1);
    sqlx::raw_sql(ROWS).execute(&pool).await.unwrap();
    pool.close().await;
    let url = format!("sqlite://{}", path.display());
    all_is_there(&Database::open(&url).await.unwrap()).await;
    assert!(Database::open(&url).await.is_ok(), "and once more");
}

pub(super) async fn a_database_of_an_earlier_version_is_brought_up_to_date(url: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    of_that_version().run_direct(None, &mut connection, false).await.unwrap();
    sqlx::raw_sql(ROWS).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    all_is_there(&Database::open(url).await.unwrap()).await;
}
