use super::sections::rules;
use super::*;

#[test]
fn a_password_is_longer_where_it_does_alone() {
    let place = Place::new();
    let least = |rules_of_app: &str| {
        let settings = place.load(&rules(rules_of_app)).settings;
        settings.map(|settings| settings.flow.new_passwords.least())
    };
    let strict = "      - { path: /**, require: two_factor }\n";
    let mixed = "      - { path: /a, require: one_factor, allow: { groups: [a] } }\n      - { path: /**, require: two_factor }\n";
    assert_eq!(least(strict), Some(8));
    assert_eq!(least(mixed), Some(15));
    assert_eq!(least("      - { path: /**, require: one_factor }\n"), Some(15));
}
