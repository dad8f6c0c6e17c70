//! Ports of the loopback that nobody takes between the asking and the listening.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::sync::Mutex;

/// Below what the kernel gives to connections and to port 0 (32768 and up on Linux), above the common servers.
const FROM: u16 = 10_240;
const TO: u16 = 32_768;

/// One UDP socket for each port given, on the same number: no other test, in this process or another, gets it.
static HELD: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());

/// A port of 127.0.0.1 and ::1 that is free, and stays this process's until it ends.
pub(crate) fn free_port() -> u16 {
    let mut held = HELD.lock().unwrap();
    // Processes start apart, so that they seldom meet.
    let first = u16::try_from(std::process::id().wrapping_mul(97) % u32::from(TO - FROM)).unwrap();
    let mut ports = (0..TO - FROM).map(|n| FROM + (first + n) % (TO - FROM));
    let (port, hold) = ports
        .find_map(|port| {
            let hold = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
            let six = TcpListener::bind((Ipv6Addr::LOCALHOST, port));
            (six.is_ok() || six.is_err_and(|e| e.kind() == std::io::ErrorKind::AddrNotAvailable))
                .then_some((port, hold))
        })
        .expect("a free port");
    held.push(hold);
    port
}
