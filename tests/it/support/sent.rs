//! What is sent to a person, and where they are sent from.

use super::cluster::Cluster;
use super::mail_server::{MailServer, Taken};

/// A host by the port of a node.
pub(crate) fn at(cluster: &Cluster, node: usize, host: &str) -> String {
    cluster.nodes[node].url.replace("//localhost", &format!("//{host}"))
}

/// The one code in a letter, or in the address of a request with a message.
pub(crate) fn code_in(text: &str, digits: usize) -> String {
    let text = text.replace("=3D", "=").replace("%20", " ");
    let mut numbers = text.split(|c: char| !c.is_ascii_digit());
    numbers.rfind(|run| run.len() == digits).unwrap_or_else(|| panic!("no code in {text}")).to_owned()
}

impl MailServer {
    /// The next that is no word of what happened to an account.
    pub(crate) fn next_asked(&mut self) -> Taken {
        loop {
            let taken = self.next();
            if !taken.data.replace("=\r\n", "").contains("/.stepgate/notice?") {
                return taken;
            }
        }
    }
}
