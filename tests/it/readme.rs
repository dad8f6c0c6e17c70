//! The README says what is so: its files are those of `config/`, and what it shows of `check` is what `check` prints.

use std::fs;
use std::path::Path;

use crate::support::command::run_in;

const README: &str = include_str!("../../README.md");

/// The blocks of a language, without their fences.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    README.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn its_files_are_those_of_the_repository() {
    let files = ["config/localhost.yaml", "config/smallest.yaml"];
    let shown: Vec<String> = files.iter().map(|file| fs::read_to_string(root().join(file)).unwrap()).collect();
    assert_eq!(blocks("yaml"), shown);
    for linked in README.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(linked.contains("://") || root().join(linked).exists(), "{linked}");
    }
}

#[test]
fn it_shows_what_check_prints() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("config")).unwrap();
    let good = fs::read_to_string(root().join("config/localhost.yaml")).unwrap();
    fs::write(folder.path().join("config/localhost.yaml"), &good).unwrap();
    fs::write(folder.path().join("typo.yaml"), good.replace("two_factor", "two_facter")).unwrap();
    let mut compared = 0;
    for block in blocks("console") {
        let (command, shown) = block.split_once('\n').unwrap();
        let args: Vec<&str> = command.strip_prefix("$ stepgate ").unwrap().split(' ').collect();
        if args.first() == Some(&"check") {
            let ended = run_in(folder.path(), &args);
            let printed = format!("{}{}", ended.stdout, ended.stderr);
            let shown = shown.split("\n$ ").next().unwrap();
            assert_eq!(printed.trim(), shown.trim(), "{command}");
            compared += 1;
        }
    }
    assert_eq!(compared, 2);
}
