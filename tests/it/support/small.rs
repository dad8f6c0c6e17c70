//! A gateway by the smallest configuration that serves one app on a plain listener, without servers.

use std::net::TcpListener;
use std::path::Path;

use super::gateway::Gateway;
use super::process::free_port;

/// Serves `app.test` from a port that nobody answers on, kept from others by the listener returned: `/guarded` asks
/// for a login, all else is open.
pub(crate) fn start(folder: &Path) -> (Gateway, u16) {
    let (port, admin) = (free_port(), free_port());
    // Bound and dropped: refused connections from here on.
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = folder.join("stepgate.yaml");
    let text = format!(
        "listen: {{ plain: [\"127.0.0.1:{port}\"], admin: \"127.0.0.1:{admin}\" }}\n\
         users: {{ database: \"sqlite://{}/users.db\" }}\n\
         shutdown_grace: 1s\n\
         apps:\n  - host: app.test\n    upstream: {{ servers: [\"http://127.0.0.1:{dead}\"], health: {{ interval: 1h }} }}\n    rules:\n\
         \x20     - {{ path: /guarded, require: one_factor }}\n      - {{ path: /**, access: public }}\n",
        folder.display()
    );
    std::fs::write(&config, text).unwrap();
    let (url, admin) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{admin}"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    (runtime.block_on(Gateway::run(&config, &url, &admin)), dead)
}
