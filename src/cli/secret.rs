//! `stepgate secret`: keys and password hashes.

use data_encoding::BASE64;

use super::accounts::answered;
use super::args::Secret;
use super::newcomer;
use super::outcome::Outcome;
use super::terminal::{self, data};
use crate::auth::secret::SecretText;
use crate::flow::ports::Entropy;
use crate::flow::settings::PasswordSettings;
use crate::store::system::OsEntropy;

/// Bytes of a master key.
const KEY_BYTES: usize = 32;

pub(crate) fn run(command: &Secret) -> Outcome {
    match command {
        Secret::Generate => {
            let mut key = zeroize::Zeroizing::new([0; KEY_BYTES]);
            answered(OsEntropy.fill(key.as_mut_slice()))?;
            let line = SecretText::new(format!("{}\n", BASE64.encode(key.as_slice())));
            data(line.expose())
        }
        Secret::HashPassword => {
            let password = terminal::password_from_stdin_or_prompt()?;
            let hash = newcomer::hash(&password, "", &PasswordSettings::default(), &OsEntropy)?;
            data(&format!("{}\n", hash.expose()))
        }
    }
}
