//! A gateway by the smallest configuration that serves one app on a plain listener, without servers.

use std::path::Path;

use super::command::run_with;
use super::gateway::Gateway;
use super::port::free_port;

/// The password of `ann`.
pub(crate) const PASSWORD: &str = "quite a long password";

/// Serves `app.test` from a server that nobody answers for: `/guarded` asks for a login, all else is open. `more` is
/// added to the configuration. One account, `ann`, with the password [`PASSWORD`].
pub(crate) async fn start(folder: &Path, more: &str) -> Gateway {
    let (port, admin, dead) = (free_port(), free_port(), free_port());
    let config = folder.join("stepgate.yaml");
    let text = format!(
        "listen: {{ plain: [\"127.0.0.1:{port}\"], admin: \"127.0.0.1:{admin}\" }}
users: {{ database: \"sqlite://{}/users.db\" }}
shutdown_grace: 1s
{more}
apps:
  - host: app.test
    upstream: {{ servers: [\"http://127.0.0.1:{dead}\"] }}
    rules:
      - {{ path: /guarded, require: one_factor }}
      - {{ path: /**, access: public }}
",
        folder.display()
    );
    std::fs::write(&config, text).unwrap();
    let added = run_with(
        &["user", "add", "ann", "-c", &config.display().to_string(), "--password-stdin"],
        format!("{PASSWORD}\n").as_bytes(),
    );
    assert_eq!(added.code, 0, "{}", added.stderr);
    Gateway::run(&config, &format!("http://127.0.0.1:{port}"), &format!("http://127.0.0.1:{admin}")).await
}
