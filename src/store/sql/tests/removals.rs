//! Removals at once on two nodes.

use std::sync::Arc;

use super::{ports, sqlite};
use crate::store::contract::postgres::Postgres;
use crate::store::contract::removals::removals_contract;
use crate::store::sql::Database;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_leaves_what_was_to_stay() {
    removals_contract(async || {
        let (database, directory) = sqlite().await;
        let node = ports(database, Arc::new(directory));
        [node.clone(), node]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_leaves_what_was_to_stay() {
    let server = Postgres::start().await;
    removals_contract(async || {
        // Races on a busy machine are about order, not about deadlines.
        let url = format!("{}?timeout_ms=30000", server.database().await);
        let open = async || ports(Database::open(&url).await.unwrap(), Arc::new(()));
        [open().await, open().await]
    })
    .await;
}
