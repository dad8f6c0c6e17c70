//! A Redis that answers and takes no writes.

use super::node;
use super::server::{Server, until};
use crate::store::Probe as _;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_takes_no_writes_is_not_well() {
    let server = Server::start(&[]);
    let node = node(server.url(), 1_000).await;
    let mut operator = ::redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let mut say = async |name: &str, args: &[&str]| {
        ::redis::cmd(name).arg(args).query_async::<()>(&mut operator).await.unwrap();
    };
    until(5_000, async || node.redis.probe().await.is_ok()).await;
    for (harm, mend) in [
        (("config", ["set", "maxmemory", "1"].as_slice()), ("config", ["set", "maxmemory", "0"].as_slice())),
        (("replicaof", &["127.0.0.1", "1"]), ("replicaof", &["no", "one"])),
    ] {
        say(harm.0, harm.1).await;
        assert!(node.redis.probe().await.is_err(), "{harm:?}");
        say(mend.0, mend.1).await;
        until(5_000, async || node.redis.probe().await.is_ok()).await;
    }
}
