use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::store::system::OsEntropy;

fn key(n: u8) -> SecretBytes {
    SecretBytes::new(vec![n; KEY_BYTES])
}

fn ring(keys: &[u8]) -> KeyRing {
    ring_with(keys, &[])
}

fn ring_with(used: &[u8], next: &[u8]) -> KeyRing {
    let keys = |all: &[u8]| all.iter().map(|n| key(*n)).collect();
    KeyRing::new(&MasterKeys { used: keys(used), next: keys(next) }, Arc::new(OsEntropy)).unwrap()
}

fn bytes(plain: &[u8]) -> SecretBytes {
    SecretBytes::new(plain.to_vec())
}

proptest! {
    #[test]
    fn what_was_sealed_opens(plain in prop::collection::vec(any::<u8>(), 0..200), context in ".{0,40}") {
        let ring = ring(&[1]);
        let sealed = ring.seal(&context, &bytes(&plain)).unwrap();
        prop_assert!(ring.open(&context, &sealed).unwrap().expose() == plain);
        prop_assert!(ring.seal(&context, &bytes(&plain)).unwrap() != sealed, "never twice the same");
    }

    #[test]
    fn nothing_else_opens(
        plain in prop::collection::vec(any::<u8>(), 0..100),
        context in "[a-z:]{0,20}",
        other in "[a-z:]{0,20}",
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let vault = ring(&[1]);
        let sealed = vault.seal(&context, &bytes(&plain)).unwrap();
        if other != context {
            prop_assert!(vault.open(&other, &sealed).is_err());
        }
        prop_assert!(ring(&[2]).open(&context, &sealed).is_err());
        let at = at.index(sealed.0.len());
        prop_assert!(vault.open(&context, &Sealed(sealed.0[..at].to_vec())).is_err(), "cut");
        let mut flipped = sealed.0.clone();
        flipped[at] ^= 1 << bit;
        prop_assert!(vault.open(&context, &Sealed(flipped)).is_err(), "flipped");
        prop_assert!(vault.open(&context, &Sealed([sealed.0.as_slice(), &[0]].concat())).is_err(), "longer");
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(blob in prop::collection::vec(any::<u8>(), 0..120)) {
        prop_assert!(ring(&[1]).open("x", &Sealed(blob)).is_err());
    }

    #[test]
    fn any_text_is_a_ring_or_an_error(text in "\\PC{0,200}") {
        if let Ok(keys) = parse_ring(&text) {
            prop_assert!(!keys.used.is_empty());
            prop_assert!(keys.used.iter().chain(&keys.next).all(|key| key.expose().len() == KEY_BYTES));
        }
    }

    #[test]
    fn a_formatted_key_is_read_again(raw in any::<[u8; 32]>()) {
        let line = format_key(&bytes(&raw));
        prop_assert!(parse_ring(line.expose()).unwrap().used[0].expose() == raw);
        prop_assert!(parse_ring(&data_encoding::HEXUPPER.encode(&raw)).unwrap().used[0].expose() == raw);
        let url = data_encoding::BASE64URL_NOPAD.encode(&raw);
        prop_assert!(parse_ring(&url).unwrap().used[0].expose() == raw);
    }
}

#[test]
fn a_rotation_opens_the_old_reseals_it_and_keeps_digests() {
    let (before, during, after) = (ring(&[1]), ring(&[2, 1]), ring(&[2]));
    let old = before.seal("totp:ann", &bytes(b"secret")).unwrap();
    assert_eq!(during.open("totp:ann", &old).unwrap().expose(), b"secret");
    let new = during.reseal("totp:ann", &old).unwrap().expect("sealed by an older key");
    assert!(during.reseal("totp:ann", &new).unwrap().is_none());
    assert!(during.reseal("totp:bob", &old).is_err());
    assert_eq!(after.open("totp:ann", &new).unwrap().expose(), b"secret");
    assert!(after.open("totp:ann", &old).err().unwrap().to_string().contains("not in the key file"));
    assert_eq!(before.digest("device", b"x"), during.digest("device", b"x"));
    assert_ne!(before.digest("device", b"x"), after.digest("device", b"x"));
}

/// Every state that a node of a cluster may be in during a rotation, in the order in which it goes through them.
const STEPS: [(&[u8], &[u8]); 4] = [(&[1], &[]), (&[1], &[2]), (&[2, 1], &[]), (&[2], &[])];

#[test]
fn nodes_a_step_apart_open_what_the_other_seals_and_do_not_undo_it() {
    for (at, (used, next)) in STEPS.iter().enumerate() {
        let (one, two) = (ring_with(used, next), STEPS.get(at + 1).map(|(used, next)| ring_with(used, next)));
        let Some(two) = two else { break };
        for (sealer, opener) in [(&one, &two), (&two, &one)] {
            let sealed = sealer.seal("totp:ann", &bytes(b"secret")).unwrap();
            assert!(opener.open("totp:ann", &sealed).is_ok(), "step {at}");
        }
        let ahead = two.seal("totp:ann", &bytes(b"secret")).unwrap();
        assert!(one.reseal("totp:ann", &ahead).unwrap().is_none(), "step {at}: what is ahead stays");
        if at < 2 {
            assert_eq!(one.digest("device", b"x"), two.digest("device", b"x"), "step {at}");
        }
    }
    let sudden = ring(&[2, 1]).seal("totp:ann", &bytes(b"secret")).unwrap();
    assert!(ring(&[1]).open("totp:ann", &sudden).is_err(), "why there are two steps");
}

#[test]
fn a_ring_names_its_keys_and_what_they_are_for() {
    let ring = ring_with(&[2, 1], &[3]);
    let sealed = ring.seal("x", &bytes(b"y")).unwrap();
    let keys: Vec<_> = ring.keys().collect();
    assert_eq!(keys.iter().map(|(_, role)| *role).collect::<Vec<_>>(), [Role::Seals, Role::Opens, Role::Next]);
    assert_eq!(key_id(&sealed).as_ref(), Some(&keys[0].0));
    for none in [&[][..], &[1], &[2; 40], &[1, 2, 3, 4, 5, 6, 7, 8]] {
        assert_eq!(key_id(&Sealed(none.to_vec())), None, "{none:?}");
    }
}

#[test]
fn digests_differ_by_purpose_and_data() {
    let ring = ring(&[1]);
    let all = [ring.digest("a", b"b"), ring.digest("ab", b""), ring.digest("", b"ab"), ring.digest("a", b"c")];
    for (i, one) in all.iter().enumerate() {
        assert!(all.iter().skip(i + 1).all(|other| other != one));
    }
}

#[test]
fn a_useless_ring_is_refused() {
    let refused = |used, next| KeyRing::new(&MasterKeys { used, next }, Arc::new(OsEntropy)).is_err();
    assert!(refused(vec![], vec![]) && refused(vec![], vec![key(1)]));
    assert!(refused(vec![bytes(&[1; 31])], vec![]) && refused(vec![key(1)], vec![bytes(&[1; 31])]));
}

#[test]
fn a_key_file_holds_one_key_a_line() {
    let (a, b) = (format_key(&key(1)), format_key(&key(2)));
    let text = format!("# newest\n\n  {}  \r\n{}\n", b.expose(), a.expose());
    let keys = parse_ring(&text).unwrap();
    assert_eq!(keys.used.iter().map(|k| k.expose()[0]).collect::<Vec<_>>(), [2, 1]);
    assert!(keys.next.is_empty());
    let coming = parse_ring(&format!("next: {}\n{}\n", b.expose(), a.expose())).unwrap();
    assert_eq!((coming.used[0].expose()[0], coming.next[0].expose()[0], coming.used.len()), (1, 2, 1));
    assert!(parse_ring(&format!("next:{}", b.expose())).err().unwrap().contains("none seals"));
    assert!(parse_ring(&format!("{0}\nnext: {0}", a.expose())).err().unwrap().contains("repeats"));
    assert!(parse_ring(&format!("{}\nnext:", a.expose())).err().unwrap().contains("line 2"));
    assert!(parse_ring("").is_err());
    assert!(parse_ring("# only words\n").is_err());
    let short = parse_ring(&format!("{}\nc2hvcnQ=", a.expose())).err().unwrap();
    assert!(short.contains("line 2") && !short.contains("c2hvcnQ"), "{short}");
    assert!(parse_ring(&format!("{0}\n{0}", a.expose())).err().unwrap().contains("repeats"));
}

#[test]
fn the_first_start_makes_a_key_file_that_all_racers_share() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stepgate.keys");
    let keys: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..8).map(|_| scope.spawn(|| key_file(&path, &OsEntropy).unwrap().used)).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()[0].expose().to_vec()).collect()
    });
    assert!(keys.iter().all(|k| *k == keys[0] && k.len() == KEY_BYTES));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "no draft is left behind");
    assert_eq!(key_file(&path, &OsEntropy).unwrap().used[0].expose(), keys[0], "and it stays");
}

#[test]
fn a_key_file_that_others_get_at_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    key_file(&path, &OsEntropy).unwrap();
    for (mode, fine) in [(0o400, true), (0o640, true), (0o604, false), (0o602, false), (0o620, false)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(key_file(&path, &OsEntropy).is_ok(), fine, "{mode:o}");
    }
    std::fs::write(directory.path().join("empty"), "").unwrap();
    std::fs::set_permissions(directory.path().join("empty"), std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(key_file(&directory.path().join("empty"), &OsEntropy).err().unwrap().to_string().contains("empty"));
    assert!(key_file(&directory.path().join("none/keys"), &OsEntropy).is_err());
}
