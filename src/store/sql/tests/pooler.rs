//! PostgreSQL behind a real pgbouncer, which gives the server away after each transaction.

use std::process::{Child, Command, Stdio};

use super::*;
use crate::store::contract::postgres::PASSWORD;
use crate::store::contract::postgres::unprivileged;
use crate::store::sql::inspect_accounts;

/// A running pooler. Ends when dropped.
struct Pooler {
    child: Child,
    port: u16,
    _directory: tempfile::TempDir,
}

impl Pooler {
    /// Before `server`, with few connections, so that clients get each other's. `ignored`: settings of the connection that
    /// it swallows; it refuses all others that it cannot keep.
    async fn start(server: &Postgres, mode: &str, ignored: &str) -> Self {
        use std::os::unix::process::CommandExt as _;
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let (port, file) = (crate::store::contract::port::free_port(), directory.path().join("pgbouncer.ini"));
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={} user=stepgate password={PASSWORD}\n[pgbouncer]\n\
             listen_addr=127.0.0.1\nlisten_port={port}\nauth_type=any\npool_mode={mode}\nunix_socket_dir=\n\
             default_pool_size=3\nignore_startup_parameters=extra_float_digits{ignored}\n",
            server.port(),
        );
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new("/usr/sbin/pgbouncer");
        command.arg("-q").arg(&file).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some((user, group)) = unprivileged() {
            command.uid(user).gid(group);
        }
        let new = Self { child: command.spawn().expect("pgbouncer is installed"), port, _directory: directory };
        let up = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), up).await.expect("the pooler starts");
        new
    }

    /// The URL of a database of the server, by way of the pooler.
    fn before(&self, server: &Postgres, url: &str) -> String {
        url.replace(&format!(":{}/", server.port()), &format!(":{}/", self.port))
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_pooled(database: &Database) -> bool {
    matches!(&database.pool, crate::store::sql::Pool::Postgres(pool) if pool.pooled.is_some())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_the_contract_behind_a_pooler_by_transaction() {
    let server = Postgres::start().await;
    // One that refuses a setting of the connection, and one that swallows it.
    for ignored in ["", ",options"] {
        let pooler = Pooler::start(&server, "transaction", ignored).await;
        let patient = async || {
            let url = pooler.before(&server, &server.database().await);
            let database = Database::open(&format!("{url}?timeout_ms=30000")).await.unwrap();
            assert!(is_pooled(&database));
            database
        };
        accounts_contract(async || ports(patient().await, Arc::new(()))).await;
        sealed_rows_are_swapped_from_what_was_read(&patient().await).await;
        factors_are_counted(&patient().await).await;
        audit_is_written(&patient().await).await;
        the_trail_is_remembered(&patient().await).await;
        assert!(patient().await.probe().await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_share_the_few_servers_of_a_pooler() {
    let server = Postgres::start().await;
    let pooler = Pooler::start(&server, "transaction", "").await;
    let direct = server.database().await;
    let url = format!("{}?timeout_ms=30000", pooler.before(&server, &direct));
    let look = async |url: &str| inspect_accounts(url).await.unwrap();
    assert!(look(&url).await.pooled && !look(&direct).await.pooled);
    // Some beside the pooler, some behind it, all at once; and again, when names were left behind.
    for _ in 0..3 {
        let urls = [&url, &url, &direct, &url, &url, &url];
        let opened = futures_util::future::join_all(urls.map(|url| Database::open(url))).await;
        let opened: Vec<Database> = opened.into_iter().map(Result::unwrap).collect();
        let work = opened.iter().enumerate().map(async |(n, database)| {
            let who = account(&format!("p{n}"));
            for _ in 0..20 {
                database.create(&who).await.unwrap();
                assert!(database.find(&who.identity.username).await.unwrap().is_some());
            }
        });
        futures_util::future::join_all(work).await;
        assert!(look(&url).await.schema == crate::store::sql::Schema::Current);
    }
    let session = Pooler::start(&server, "session", ",options").await;
    assert!(is_pooled(&Database::open(&session.before(&server, &direct)).await.unwrap()), "for safety's sake");
}

/// A statement that hangs ends on the server too, also where the connection cannot say when.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_behind_a_pooler_has_an_end() {
    let server = Postgres::start().await;
    let pooler = Pooler::start(&server, "transaction", "").await;
    let database = Database::open(&pooler.before(&server, &server.database().await)).await.unwrap();
    let told = match &database.pool {
        crate::store::sql::Pool::Postgres(pool) => {
            sqlx::query("select pg_sleep(20)").execute(pool).await.err().unwrap()
        }
        crate::store::sql::Pool::Sqlite(_) => panic!("another database"),
    };
    assert!(told.to_string().contains("statement timeout"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_refused_is_told_and_no_password() {
    let server = Postgres::start().await;
    let good = server.database().await;
    let place = format!("127.0.0.1:{}", server.port());
    let database = good.rsplit('/').next().unwrap().to_owned();
    for (url, told) in [
        (good.replace(PASSWORD, "canary-wrong"), vec!["`stepgate`", database.as_str(), "wrong password"]),
        (good.replace("stepgate:", "nobody:"), vec!["`nobody`", database.as_str(), "refused"]),
        (good.replace(&format!("/{database}"), "/absent"), vec!["`absent`", "`stepgate`", "no database"]),
    ] {
        let answers = [Database::open(&url).await.err(), inspect_accounts(&url).await.err()];
        for text in answers.map(|fault| fault.expect("refused").to_string()) {
            assert!(told.iter().chain(&[place.as_str()]).all(|word| text.contains(word)), "{text}");
            assert!(!text.contains("canary") && !text.contains(".c:") && !text.contains("line"), "{text}");
        }
    }
}
