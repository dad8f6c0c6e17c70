//! Closing a listener without losing a connection.
//!
//! The kernel resets what a listener still holds when it is closed: connections that nobody has accepted yet, and those
//! whose handshake is under way. So nothing new may begin there for a moment, while what has begun is accepted. Both ways
//! are programs of the kernel's classic packet filter; where it refuses them, a listener closes as any other.

use std::io;

use nix::libc::{sock_filter, sock_fprog};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::AttachReusePortCbpf;
use socket2::{SockFilter, SockRef};
use tokio::net::TcpListener;

/// Instructions of the filter (linux/filter.h).
const LOAD_BYTE: u16 = 0x30;
const AND: u16 = 0x54;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

/// Where the flags stand in the header of a segment (RFC 9293 §3.1).
const FLAGS: u32 = 13;
const SYN: u32 = 0x02;
const ACK: u32 = 0x10;

/// From now on the listener that joins this one's address after it gets every new connection, if there is one.
///
/// The number of that listener is 1 among those that share the address, as ours is 0: no third one joins before ours is
/// closed. Where number 1 does not exist, the kernel chooses as it did before; so nothing is to be undone later.
pub(super) fn lead_to_successor(listener: &TcpListener) -> io::Result<()> {
    let mut program = [sock_filter { code: RETURN, jt: 0, jf: 0, k: 1 }];
    let program = sock_fprog { len: 1, filter: program.as_mut_ptr() };
    Ok(setsockopt(listener, AttachReusePortCbpf, &program)?)
}

/// From now on no handshake begins at this listener; those that have begun go on. Whoever is not heard tries again after
/// a second (RFC 6298 §2.1), and finds a successor there, or nobody.
pub(super) fn begin_no_handshake(listener: &TcpListener) -> io::Result<()> {
    SockRef::from(listener).attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(AND, 0, 0, SYN | ACK),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use tokio::net::{TcpSocket, TcpStream};

    use super::*;

    fn shared(address: SocketAddr) -> TcpListener {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseport(true).unwrap();
        socket.bind(address).unwrap();
        socket.listen(64).unwrap()
    }

    /// How many of 32 new connections each of two listeners gets.
    async fn spread(old: &TcpListener, new: &TcpListener) -> (usize, usize) {
        let mut got = (0, 0);
        for _ in 0..32 {
            let client = TcpStream::connect(old.local_addr().unwrap()).await.unwrap();
            tokio::select! {
                accepted = old.accept() => { got.0 += 1; drop(accepted.unwrap()); }
                accepted = new.accept() => { got.1 += 1; drop(accepted.unwrap()); }
            }
            drop(client);
        }
        got
    }

    #[tokio::test]
    async fn new_connections_go_to_the_successor_of_each() {
        let first = shared(([127, 0, 0, 1], 0).into());
        let address = first.local_addr().unwrap();
        lead_to_successor(&first).unwrap();
        // There is none yet.
        let alone = TcpStream::connect(address).await.unwrap();
        assert_eq!(first.accept().await.unwrap().1, alone.local_addr().unwrap());
        let second = shared(address);
        assert_eq!(spread(&first, &second).await, (0, 32));
        drop(first);
        // The program outlives the listener that brought it, and is right for the next two.
        let alone = TcpStream::connect(address).await.unwrap();
        assert_eq!(second.accept().await.unwrap().1, alone.local_addr().unwrap());
        lead_to_successor(&second).unwrap();
        let third = shared(address);
        assert_eq!(spread(&second, &third).await, (0, 32));
    }

    #[tokio::test]
    async fn no_handshake_begins_and_who_connected_before_is_served() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut before = TcpStream::connect(address).await.unwrap();
        begin_no_handshake(&listener).unwrap();
        let after = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await;
        assert!(after.is_err(), "neither served nor refused: {after:?}");
        let (mut accepted, _) = listener.accept().await.unwrap();
        drop(listener);
        tokio::io::AsyncWriteExt::write_all(&mut before, b"hello").await.unwrap();
        let mut word = [0; 5];
        tokio::io::AsyncReadExt::read_exact(&mut accepted, &mut word).await.unwrap();
        assert_eq!(&word, b"hello");
    }
}
