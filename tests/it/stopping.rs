//! A process that is told to stop does so, also while an app keeps a request waiting.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::support::gateway::Gateway;
use super::support::port::free_port;

#[tokio::test]
async fn a_request_that_never_ends_is_cut_at_the_end_of_the_grace_period_and_by_an_interrupt() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let app = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, admin) = (free_port(), free_port());
        let config = folder.path().join("stepgate.yaml");
        let text = format!(
            "listen: {{ plain: [\"127.0.0.1:{port}\"], admin: \"127.0.0.1:{admin}\" }}
users: {{ database: \"sqlite://{}/users.db\" }}
shutdown_grace: 1s
apps:
  - host: app.test
    upstream: {{ servers: [\"http://{}\"], read_timeout: 1h, health: {{ interval: 1h }} }}
    rules: [{{ path: /**, access: public }}]
",
            folder.path().display(),
            app.local_addr().unwrap()
        );
        std::fs::write(&config, text).unwrap();
        let (url, admin) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{admin}"));
        let mut gateway = Gateway::run(&config, &url, &admin).await;
        let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").unwrap();
        let _asked = asked(&app);
        gateway.process.signal(signal);
        assert_eq!(gateway.process.wait(), Some(0), "{signal}: {}", gateway.process.stderr());
    }
}

/// The first connection over which something is asked: a check of health asks nothing.
fn asked(app: &TcpListener) -> TcpStream {
    loop {
        let (mut connection, _) = app.accept().unwrap();
        if connection.read(&mut [0; 64]).is_ok_and(|n| n > 0) {
            return connection;
        }
    }
}
