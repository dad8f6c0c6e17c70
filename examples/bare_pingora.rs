//! The yardstick of `make bench`: a Pingora proxy that does nothing but forward, built with the same profile.
//! Usage: `bare_pingora LISTEN UPSTREAM`, for example `bare_pingora 127.0.0.1:9000 127.0.0.1:9001`.
#![allow(missing_docs, clippy::expect_used)]

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use mimalloc::MiMalloc;
use pingora_core::server::Server;
use pingora_core::server::configuration::{Opt, ServerConf};
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::Result;
use pingora_proxy::{ProxyHttp, Session, http_proxy_service};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

struct Forward {
    upstream: SocketAddr,
}

#[async_trait]
impl ProxyHttp for Forward {
    type CTX = ();

    fn new_ctx(&self) -> Self::CTX {}

    async fn upstream_peer(&self, _: &mut Session, (): &mut Self::CTX) -> Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.upstream, false, String::new())))
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let listen = args.next().expect("LISTEN address");
    let upstream = args.next().expect("UPSTREAM address").parse().expect("an address");
    // As many as the gateway takes: one for each CPU that it may use.
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let conf = ServerConf { threads, upstream_keepalive_pool_size: 512, ..ServerConf::default() };
    let mut server = Server::new_with_opt_and_conf(None::<Opt>, conf);
    server.bootstrap();
    let conf = Arc::clone(&server.configuration);
    let mut service = http_proxy_service(&conf, Forward { upstream });
    service.add_tcp(&listen);
    server.add_service(service);
    server.run_forever();
}
