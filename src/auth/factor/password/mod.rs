//! Passwords: argon2id (RFC 9106) in PHC strings. The door of `argon2`.

use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, CustomizedPasswordHasher, Params, Version};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::auth::secret::SecretText;

mod rule;

pub use rule::{LEAST_ALONE, LEAST_BESIDE_A_SECOND, PasswordOwner, PasswordRule, Unfit};

/// Random bytes in the salt of one hash.
pub const SALT_BYTES: usize = 16;

/// How costly one hash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashParams {
    /// KiB.
    pub memory_kib: u32,
    /// Passes.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

impl HashParams {
    /// The work of one hash: KiB times passes. Lanes share it out and do not add to it.
    pub const fn work(self) -> u64 {
        self.memory_kib as u64 * self.iterations as u64
    }

    /// What one more hash must cost so that both together cost as much as one of these parameters.
    fn beside(self, done: Self) -> Option<Self> {
        let rest = u32::try_from(self.work().saturating_sub(done.work())).unwrap_or(u32::MAX);
        // Less than eight blocks a lane is no argon2, and too little to be seen.
        let passes = self.iterations.min(rest / 8).max(1);
        (rest >= 8).then(|| Self { memory_kib: rest / passes, iterations: passes, parallelism: 1 })
    }
}

/// The dearest stored hash that is computed: whoever can write a row must not be able to take the machine's memory
/// or a blocking thread for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashBounds {
    memory_kib: u32,
    lanes: u32,
    work: u64,
}

impl HashBounds {
    /// For these parameters: four times them, and never less than what hashes from elsewhere are likely to ask for.
    pub fn of(params: HashParams) -> Self {
        Self {
            memory_kib: params.memory_kib.saturating_mul(4).max(256 * 1024),
            lanes: params.parallelism.max(16),
            work: params.work().saturating_mul(4).max(1024 * 1024),
        }
    }

    /// # Errors
    /// The hash would cost more.
    pub fn admit(self, asked: HashParams) -> Result<(), HashFault> {
        let HashParams { memory_kib, iterations, parallelism } = asked;
        if memory_kib <= self.memory_kib && parallelism <= self.lanes && asked.work() <= self.work {
            return Ok(());
        }
        Err(HashFault(format!(
            "a stored hash asks for {memory_kib} KiB, {iterations} passes and {parallelism} lanes; at most {} KiB, {} \
             KiB in all passes together and {} lanes are computed (four times `users.password`): set a new password, \
             or raise the settings",
            self.memory_kib, self.work, self.lanes
        )))
    }
}

/// Hashing is impossible: parameters out of range, or a stored hash that is none. A fault, not a denial.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("argon2: {0}")]
pub struct HashFault(String);

impl HashFault {
    fn of(cause: impl std::fmt::Display) -> Self {
        Self(cause.to_string())
    }
}

/// Hashes a password with fresh `salt` bytes into a PHC string.
///
/// # Errors
/// The parameters are out of argon2's range.
pub fn hash(password: &SecretText, salt: &[u8; SALT_BYTES], params: HashParams) -> Result<SecretText, HashFault> {
    let made: PasswordHash = context(params, None)?
        .hash_password_customized(
            normalised(password).as_bytes(),
            salt,
            Some("argon2id"),
            Some(Version::V0x13.into()),
            argon_params(params, None)?,
        )
        .map_err(HashFault::of)?;
    Ok(SecretText::new(made.to_string()))
}

/// Whether a password is the one of a PHC string of any argon2 variant. Costs one hash, always: a password
/// longer than `max_bytes` is cut, hashed and found wrong.
///
/// # Errors
/// The stored hash is none.
pub fn verify(password: &SecretText, phc: &SecretText, max_bytes: usize) -> Result<bool, HashFault> {
    let expected = PasswordHash::new(phc.expose()).map_err(HashFault::of)?;
    Algorithm::new(expected.algorithm.as_str()).map_err(HashFault::of)?;
    if expected.salt.is_none() || expected.hash.is_none() {
        return Err(HashFault("a stored hash has no salt or no output".to_owned()));
    }
    let too_long = password.expose().len() > max_bytes;
    let text = if too_long { Zeroizing::new(String::new()) } else { normalised(password) };
    match Argon2::default().verify_password(text.as_bytes(), &expected) {
        Ok(()) => Ok(!too_long),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(other) => Err(HashFault::of(other)),
    }
}

/// As [`verify`], for a hash that anybody may have made, at the cost of one hash of `level` at least: what a
/// cheaper hash leaves of it is done as well, so that an account whose hash waits for its upgrade answers like a
/// name that nobody has. `worked` is told of each hash before it is computed.
///
/// The rest is done beside the old hash, instead of making unknown names as cheap as old hashes: there may be
/// several kinds of old ones, and an unknown name cannot look like all of them. A dearer hash stays dearer.
///
/// # Errors
/// The stored hash is none, or dearer than [`HashBounds`] allow.
pub fn verify_level(
    password: &SecretText,
    phc: &SecretText,
    max_bytes: usize,
    level: HashParams,
    worked: impl Fn(HashParams),
) -> Result<bool, HashFault> {
    let used = params_of(phc)?;
    HashBounds::of(level).admit(used)?;
    worked(used);
    let right = verify(password, phc, max_bytes)?;
    if let Some(rest) = level.beside(used) {
        worked(rest);
        std::hint::black_box(digest(b"", b"stepgate nobody!", rest)?);
    }
    Ok(right)
}

fn params_of(phc: &SecretText) -> Result<HashParams, HashFault> {
    let hash = PasswordHash::new(phc.expose()).map_err(HashFault::of)?;
    let used = Params::try_from(&hash).map_err(HashFault::of)?;
    Ok(HashParams { memory_kib: used.m_cost(), iterations: used.t_cost(), parallelism: used.p_cost() })
}

/// Whether a stored hash was made with other parameters than `params`.
pub fn needs_rehash(phc: &SecretText, params: HashParams) -> bool {
    let Ok(hash) = PasswordHash::new(phc.expose()) else { return false };
    let Ok(used) = Params::try_from(&hash) else { return false };
    hash.algorithm.as_str() != "argon2id"
        || hash.version != Some(Version::V0x13.into())
        || (used.m_cost(), used.t_cost(), used.p_cost()) != (params.memory_kib, params.iterations, params.parallelism)
}

/// A hash that no password matches and that costs what a real one costs: the work done for nobody.
pub fn dummy(params: HashParams) -> SecretText {
    SecretText::new(format!(
        "$argon2id$v=19$m={},t={},p={}${}${}",
        params.memory_kib,
        params.iterations,
        params.parallelism,
        "c3RlcGdhdGUgbm9ib2R5IQ",
        "A".repeat(43)
    ))
}

/// Bare argon2id of `text` (not normalised) under a given salt: 32 bytes.
///
/// # Errors
/// The parameters are out of range, or the salt is shorter than 8 bytes.
pub(super) fn digest(text: &[u8], salt: &[u8], params: HashParams) -> Result<[u8; 32], HashFault> {
    let mut out = [0_u8; 32];
    context(params, Some(out.len()))?.hash_password_into(text, salt, &mut out).map_err(HashFault::of)?;
    Ok(out)
}

fn context(params: HashParams, output: Option<usize>) -> Result<Argon2<'static>, HashFault> {
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, argon_params(params, output)?))
}

fn argon_params(params: HashParams, output: Option<usize>) -> Result<Params, HashFault> {
    Params::new(params.memory_kib, params.iterations, params.parallelism, output).map_err(HashFault::of)
}

/// One spelling for passwords that look the same (NFC, SP 800-63B §3.1.1.2).
pub fn normalised(password: &SecretText) -> Zeroizing<String> {
    Zeroizing::new(password.expose().nfc().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: HashParams = HashParams { memory_kib: 8, iterations: 1, parallelism: 1 };

    fn secret(text: &str) -> SecretText {
        SecretText::new(text.to_owned())
    }

    #[test]
    fn a_hash_verifies_its_password_and_no_other() {
        let phc = hash(&secret("correct horse"), &[7; SALT_BYTES], FAST).unwrap();
        assert!(phc.expose().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        assert!(verify(&secret("correct horse"), &phc, 4096).unwrap());
        assert!(!verify(&secret("correct hors"), &phc, 4096).unwrap());
        assert!(!verify(&secret(""), &phc, 4096).unwrap());
    }

    #[test]
    fn spellings_that_look_alike_are_one_password() {
        let phc = hash(&secret("caf\u{e9} cr\u{e8}me"), &[7; SALT_BYTES], FAST).unwrap();
        assert!(verify(&secret("cafe\u{301} cre\u{300}me"), &phc, 4096).unwrap());
    }

    #[test]
    fn long_passwords_count_in_full_up_to_the_cap_and_not_beyond() {
        let long = "x".repeat(4096);
        let phc = hash(&secret(&long), &[7; SALT_BYTES], FAST).unwrap();
        assert!(verify(&secret(&long), &phc, 4096).unwrap());
        assert!(!verify(&secret(&long[1..]), &phc, 4096).unwrap());
        assert!(!verify(&secret(&format!("{long}x")), &phc, 4096).unwrap());
        let empty = hash(&secret(""), &[7; SALT_BYTES], FAST).unwrap();
        assert!(!verify(&secret(&format!("{long}x")), &empty, 4096).unwrap());
    }

    #[test]
    fn other_variants_and_parameters_verify_and_want_rehashing() {
        let argon = Argon2::new(Algorithm::Argon2i, Version::V0x10, Params::new(16, 2, 1, None).unwrap());
        let made: PasswordHash = argon
            .hash_password_customized(b"pw", &[1; 16], Some("argon2i"), Some(16), Params::new(16, 2, 1, None).unwrap())
            .unwrap();
        let phc = secret(&made.to_string());
        assert!(verify(&secret("pw"), &phc, 4096).unwrap());
        assert!(needs_rehash(&phc, FAST));
        let current = hash(&secret("pw"), &[1; 16], FAST).unwrap();
        assert!(!needs_rehash(&current, FAST));
        assert!(needs_rehash(&current, HashParams { iterations: 2, ..FAST }));
    }

    #[test]
    fn any_cheaper_hash_costs_what_the_level_costs() {
        let made = |memory_kib, iterations, parallelism| HashParams { memory_kib, iterations, parallelism };
        let level = made(96, 3, 2);
        for used in [made(8, 1, 1), made(64, 1, 4), made(8, 7, 1), made(96, 2, 1), made(96, 3, 2), made(100, 4, 1)] {
            let phc = hash(&secret("pw"), &[1; SALT_BYTES], used).unwrap();
            for guess in ["pw", "wrong"] {
                let work = std::cell::Cell::new(0);
                let count = |params: HashParams| work.set(work.get() + params.work());
                assert_eq!(verify_level(&secret(guess), &phc, 4096, level, count), Ok(guess == "pw"));
                // Up to the last KiB of each pass, which is no whole block.
                let least = level.work().max(used.work());
                assert!((least.saturating_sub(8)..=least).contains(&work.get()), "{used:?}: {}", work.get());
            }
        }
    }

    #[test]
    fn an_absurd_hash_is_a_fault_before_it_is_computed() {
        let default = HashParams { memory_kib: 19_456, iterations: 2, parallelism: 1 };
        for (m, t, p) in [
            (4_194_304, 1, 1),
            (u32::MAX, 1, 1),
            (8, u32::MAX, 1),
            (65_536, 1_000, 1),
            (1_048_576, 1, 1),
            (65_536, 1, 4_096),
            (u32::MAX, u32::MAX, 16_777_215),
        ] {
            let phc = secret(&format!("$argon2id$v=19$m={m},t={t},p={p}$c3RlcGdhdGUgbm9ib2R5IQ${}", "A".repeat(43)));
            let computed = |_| panic!("m={m}, t={t}, p={p} was computed");
            assert!(verify_level(&secret("x"), &phc, 4096, default, computed).is_err());
        }
        // What OWASP and RFC 9106 recommend for small machines is computed, whatever the settings say.
        for (m, t, p) in [(47_104, 1, 1), (7_168, 5, 1), (65_536, 3, 4)] {
            let params = HashParams { memory_kib: m, iterations: t, parallelism: p };
            assert_eq!(HashBounds::of(FAST).admit(params), Ok(()));
            let lowered = HashParams { memory_kib: 1_048_576, ..params };
            assert!(HashBounds::of(FAST).admit(lowered).is_err() && HashBounds::of(lowered).admit(lowered).is_ok());
        }
    }

    #[test]
    fn nothing_matches_the_dummy_and_it_has_the_current_cost() {
        let phc = dummy(FAST);
        for guess in ["", "stepgate nobody!", "password"] {
            assert!(!verify(&secret(guess), &phc, 4096).unwrap());
        }
        assert!(!needs_rehash(&phc, FAST));
        assert!(needs_rehash(&phc, HashParams { memory_kib: 16, ..FAST }));
    }

    #[test]
    fn a_stored_hash_that_is_none_is_a_fault() {
        for broken in [
            "",
            "plain",
            "$argon2id$",
            "$argon2id$v=19$m=8,t=1,p=1$",
            "$bcrypt$x$y",
            "$argon2id$v=19$m=1,t=0,p=9$c2FsdHNhbHQ$AAAA",
        ] {
            assert!(verify(&secret("x"), &secret(broken), 4096).is_err(), "{broken}");
        }
    }
}
