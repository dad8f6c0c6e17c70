//! A second address of the demo's gateway, which is reached there as if from another country: a forwarder that says so in
//! `X-Forwarded-For`, and the database that says where addresses are. Only the demo's settings trust it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::{IpNet, Ipv4Net};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::auth::network::Networks;
use crate::flow::ports::Clock as _;
use crate::store::places::mmdb::{self, MmdbValue};
use crate::store::system::SystemClock;

/// Who comes by the forwarder, of a network that is for documentation (RFC 5737).
const VISITOR: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);
/// The forwarder's own address, of the machine itself: it alone is believed.
const FORWARDER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 113);
/// Connections at once; the demo is for one person trying things out.
const MAX_CONNECTIONS: usize = 256;
/// Bytes of a request head.
const MAX_HEAD: usize = 64 * 1024;
/// Between a head and what follows it.
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// The running forwarder; it ends when this is dropped.
pub(super) struct Elsewhere {
    pub(super) port: u16,
    tasks: Vec<JoinHandle<()>>,
}

impl Elsewhere {
    /// Forwards from a free port of `localhost` to the gateway.
    pub(super) async fn start(gateway: SocketAddr) -> io::Result<Self> {
        let four = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = four.local_addr()?.port();
        // Browsers that find nobody there come by IPv4.
        let six = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await.ok();
        let listeners = [Some(four), six].into_iter().flatten();
        Ok(Self { port, tasks: listeners.map(|listener| tokio::spawn(accept(listener, gateway))).collect() })
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// The proxies that the demo trusts.
pub(super) fn trusted() -> Networks {
    Networks::new(vec![IpNet::from(IpAddr::V4(FORWARDER))])
}

/// Writes the database: the machine itself is at home in Norway, who comes by the forwarder is in Brazil.
pub(super) fn write_places(directory: &Path) -> io::Result<PathBuf> {
    let at = |country: &str, asn: u32, (latitude, longitude): (f64, f64)| {
        MmdbValue::Map(vec![
            ("country", MmdbValue::Map(vec![("iso_code", MmdbValue::text(country))])),
            ("autonomous_system_number", MmdbValue::U32(asn)),
            (
                "location",
                MmdbValue::Map(vec![
                    ("latitude", MmdbValue::Double(latitude)),
                    ("longitude", MmdbValue::Double(longitude)),
                    ("accuracy_radius", MmdbValue::U16(20)),
                ]),
            ),
        ])
    };
    let home = at("NO", 64_500, (59.9, 10.7));
    let elsewhere = at("BR", 64_511, (-23.5, -46.6));
    let machine = Ipv4Net::new(Ipv4Addr::LOCALHOST, 8).map_err(io::Error::other)?.trunc();
    let visitors = Ipv4Net::new(VISITOR, 24).map_err(io::Error::other)?.trunc();
    let networks = [
        (IpNet::V4(machine), home.clone()),
        (IpNet::from(IpAddr::V6(Ipv6Addr::LOCALHOST)), home),
        (IpNet::V4(visitors), elsewhere),
    ];
    let path = directory.join("places.mmdb");
    std::fs::write(&path, mmdb::database("Stepgate-Demo", SystemClock.now().as_secs(), &networks))?;
    Ok(path)
}

async fn accept(listener: TcpListener, gateway: SocketAddr) {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((client, _)) => {
                connections.spawn(async move {
                    if let Err(fault) = forward(client, gateway).await {
                        tracing::debug!(target: "demo", %fault, "a forwarded connection ended");
                    }
                });
            }
            Err(fault) => {
                tracing::warn!(target: "demo", %fault, "cannot accept");
                connections.join_next().await;
                tokio::task::yield_now().await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Forwards one request. The connection ends with its answer: what follows on it would have a head of its own.
async fn forward(mut client: TcpStream, gateway: SocketAddr) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut received = Vec::new();
    let end = loop {
        if let Some(at) = received.windows(END_OF_HEAD.len()).position(|bytes| bytes == END_OF_HEAD) {
            break at;
        }
        if received.len() > MAX_HEAD || client.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
    };
    let (head, rest) = received.split_at(end + END_OF_HEAD.len());
    let socket = TcpSocket::new_v4()?;
    socket.bind((FORWARDER, 0).into())?;
    let mut upstream = socket.connect(gateway).await?;
    upstream.set_nodelay(true)?;
    upstream.write_all(&rewritten(head)).await?;
    upstream.write_all(rest).await?;
    copy_bidirectional(&mut client, &mut upstream).await.map(drop)
}

/// The head with the client's address in place of what it says of that itself.
fn rewritten(head: &[u8]) -> Vec<u8> {
    let fields = head.strip_suffix(END_OF_HEAD).unwrap_or(head).split(|byte| *byte == b'\n');
    let fields: Vec<&[u8]> = fields.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
    let named = |line: &[u8], name: &str| {
        let end = line.iter().position(|byte| *byte == b':').unwrap_or_default();
        line.get(..end).is_some_and(|field| field.eq_ignore_ascii_case(name.as_bytes()))
    };
    let upgrade = fields.iter().any(|line| named(line, "upgrade"));
    let said = |line: &[u8]| {
        let forwarded = line.get(..11).is_some_and(|start| start.eq_ignore_ascii_case(b"x-forwarded"));
        forwarded || named(line, "forwarded") || (!upgrade && named(line, "connection"))
    };
    let mut out = Vec::with_capacity(head.len() + 64);
    for line in fields.into_iter().filter(|line| !said(line)) {
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("X-Forwarded-For: {VISITOR}\r\n").as_bytes());
    if !upgrade {
        out.extend_from_slice(b"Connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::ports::Places as _;
    use crate::store::places::settings::PlaceSettings;
    use crate::store::places::{FilePlaces, PlaceTables};

    #[test]
    fn nobody_says_for_themselves_where_they_are() {
        let head =
            b"GET /risky/ HTTP/1.1\r\nHost: localhost:1\r\nx-forwarded-for: 127.0.0.1\r\nX-Forwarded-Host: a\r\n\
            Forwarded: for=127.0.0.1\r\nConnection: keep-alive\r\nCookie: a=b\r\n\r\n";
        let expected = "GET /risky/ HTTP/1.1\r\nHost: localhost:1\r\nCookie: a=b\r\nX-Forwarded-For: 203.0.113.7\r\n\
            Connection: close\r\n\r\n";
        assert_eq!(String::from_utf8(rewritten(head)).unwrap(), expected);
        let head = b"GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        let text = String::from_utf8(rewritten(head)).unwrap();
        assert!(text.contains("Connection: Upgrade\r\n") && !text.contains("close"), "{text}");
    }

    #[test]
    fn home_and_elsewhere_are_in_two_countries_and_the_database_is_small() {
        let folder = tempfile::tempdir().unwrap();
        let path = write_places(folder.path()).unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() <= 4096);
        let settings = PlaceSettings { city: Some(path.clone()), asn: Some(path), private: true, ..Default::default() };
        let places = FilePlaces::new(std::sync::Arc::new(SystemClock));
        places.replace(PlaceTables::load(settings, &SystemClock).unwrap());
        let of = |ip: IpAddr| {
            let place = places.place(ip);
            (place.country.map(|country| country.to_string()), place.asn)
        };
        let home = (Some("NO".to_owned()), Some(64_500));
        assert_eq!(of(Ipv4Addr::LOCALHOST.into()), home);
        assert_eq!(of(Ipv6Addr::LOCALHOST.into()), home);
        assert_eq!(of(VISITOR.into()), (Some("BR".to_owned()), Some(64_511)));
    }
}
