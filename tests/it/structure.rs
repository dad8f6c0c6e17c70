//! Two laws of the source tree: a type name stands once in a room, and no file reaches itself through its imports.
//! A room is a folder directly under `src`. Tests and fakes are left out. Reads the source as text.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A module's path, as `["proxy", "upstream", "pool"]`.
type Module = Vec<String>;

struct Tree {
    /// Module → its file and its code without comments, literals and tests.
    modules: BTreeMap<Module, (String, String)>,
    /// Module → name that it re-exports → where that comes from.
    re_exports: BTreeMap<Module, BTreeMap<String, Module>>,
}

impl Tree {
    fn read(src: &Path) -> Self {
        let mut files = Vec::new();
        super::tidy::walk(src, &mut files);
        let mut modules = BTreeMap::new();
        for file in files {
            let shown = file.strip_prefix(src).unwrap().to_str().unwrap().to_owned();
            if !is_test(&shown) {
                let path = shown.trim_end_matches(".rs").trim_end_matches("/mod");
                let module = path.split('/').map(str::to_owned).collect();
                modules.insert(module, (shown.clone(), bare(&fs::read_to_string(&file).unwrap())));
            }
        }
        let mut tree = Self { modules, re_exports: BTreeMap::new() };
        for (module, (_, code)) in &tree.modules {
            let mut brought = BTreeMap::new();
            for (_, path, name) in tree.imports(module, code).into_iter().filter(|(public, _, _)| *public) {
                brought.insert(name, path);
            }
            tree.re_exports.insert(module.clone(), brought);
        }
        tree
    }

    /// The `use` items of a file: whether public, the path from the crate's root, and the name it gets here.
    fn imports(&self, module: &Module, code: &str) -> Vec<(bool, Module, String)> {
        let mut found = Vec::new();
        for item in code.split(['{', '}', ';']).map(str::trim).filter(|item| item.contains("use ")) {
            // A group in braces was cut off above: take the item whole from here.
            let at = item.as_ptr() as usize - code.as_ptr() as usize;
            let whole = code[at..].split(';').next().unwrap_or_default();
            let Some((before, tree)) = whole.split_once("use ") else { continue };
            let public = before.trim_start().starts_with("pub");
            if !public && !before.trim().is_empty() && !before.trim_end().ends_with(']') {
                continue;
            }
            let mut paths = Vec::new();
            use_tree(&[], tree, &mut paths);
            for (mut path, alias) in paths {
                if path.last().is_some_and(|last| last == "self") {
                    path.pop();
                }
                let name = alias.or_else(|| path.last().cloned()).unwrap_or_default();
                found.extend(self.absolute(module, &path).map(|path| (public, path, name)));
            }
        }
        found
    }

    /// A path from the crate's root; `None` for what is another crate's.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([module.as_slice(), rest].concat()),
            "super" => {
                let parent = module.split_last()?.1.to_vec();
                match rest.first().map(String::as_str) {
                    Some("super") => self.absolute(&parent, rest),
                    _ => Some([parent.as_slice(), rest].concat()),
                }
            }
            _ => {
                let below = [module.as_slice(), path].concat();
                self.modules.contains_key(&below[..=module.len()]).then_some(below)
            }
        }
    }

    /// The module that defines what a path names, through re-exports.
    fn home(&self, path: &[String], depth: usize) -> Option<Module> {
        let module = (1..=path.len()).rev().map(|n| &path[..n]).find(|p| self.modules.contains_key(*p))?;
        let rest = &path[module.len()..];
        let brought = rest.first().and_then(|name| self.re_exports.get(module)?.get(name));
        match brought {
            Some(from) if depth < 8 => {
                self.home(&[from.as_slice(), &rest[1..]].concat(), depth + 1).or_else(|| Some(module.to_vec()))
            }
            _ => Some(module.to_vec()),
        }
    }

    /// The modules of its own room that a module names. A parent may name what it declares.
    fn named(&self, module: &Module) -> BTreeSet<Module> {
        let (_, code) = &self.modules[module];
        let mut paths: Vec<Module> = self.imports(module, code).into_iter().map(|(_, path, _)| path).collect();
        for path in paths_in(code) {
            paths.extend(self.absolute(module, &path));
        }
        let homes = paths.iter().filter_map(|path| self.home(path, 0));
        homes.filter(|home| home[0] == module[0] && !home.starts_with(module)).collect()
    }

    fn circles(&self) -> Vec<String> {
        let arrows: BTreeMap<&Module, BTreeSet<Module>> = self.modules.keys().map(|m| (m, self.named(m))).collect();
        let reach: BTreeMap<&Module, BTreeSet<&Module>> = arrows.keys().map(|m| (*m, reachable(&arrows, m))).collect();
        let round = self.modules.keys().filter(|m| reach[m].contains(m));
        round
            .map(|m| {
                let back = arrows[m].iter().filter(|to| reach[to].contains(m));
                let back: Vec<&str> = back.map(|to| self.modules[to].0.as_str()).collect();
                format!("{} imports in a circle: {}", self.modules[m].0, back.join(", "))
            })
            .collect()
    }

    fn same_names(&self) -> Vec<String> {
        let mut types: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
        for (module, (file, code)) in &self.modules {
            for name in type_names(code) {
                types.entry((&module[0], name)).or_default().push(file);
            }
        }
        let twice = types.into_iter().filter(|(_, files)| files.len() > 1);
        twice.map(|((room, name), files)| format!("`{name}` stands twice in {room}: {}", files.join(", "))).collect()
    }

    fn faults(&self) -> Vec<String> {
        [self.same_names(), self.circles()].concat()
    }
}

fn reachable<'a>(arrows: &'a BTreeMap<&Module, BTreeSet<Module>>, from: &Module) -> BTreeSet<&'a Module> {
    let mut seen = BTreeSet::new();
    let mut next: Vec<&Module> = arrows[from].iter().collect();
    while let Some(module) = next.pop() {
        if seen.insert(module) {
            next.extend(arrows[module].iter());
        }
    }
    seen
}

fn is_test(file: &str) -> bool {
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    let fake = |part: &str| ["tests", "testing", "contract"].contains(&part);
    folder.split('/').any(fake) || fake(name.trim_end_matches(".rs"))
}

/// The code without comments, without what stands in quotes, and without its tests.
fn bare(text: &str) -> String {
    let text_or_comment = r##"(?s)r#".*?"#|"(?:\\.|[^"\\])*"|//[^\n]*|'(?:\\.|[^'\\])'"##;
    let comment = regex::Regex::new(text_or_comment).unwrap();
    let text = comment.replace_all(text, "");
    let mut out = String::new();
    let mut rest = text.as_ref();
    while let Some((before, after)) = rest.split_once("#[cfg(test)]") {
        out.push_str(before);
        let end = after.find(['{', ';']).unwrap_or(after.len());
        rest = if after[end..].starts_with('{') { &after[end + block(&after[end..])..] } else { &after[end..] };
    }
    out + rest
}

/// The length of the block in braces that `text` begins with.
fn block(text: &str) -> usize {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// Takes a `use` tree apart; returns what follows it.
fn use_tree<'a>(prefix: &[String], tree: &'a str, paths: &mut Vec<(Module, Option<String>)>) -> &'a str {
    let tree = tree.trim_start().trim_start_matches("::");
    if let Some(mut inner) = tree.strip_prefix('{') {
        loop {
            inner = inner.trim_start().trim_start_matches(',').trim_start();
            match inner.strip_prefix('}') {
                Some(rest) => return rest,
                None if inner.is_empty() => return inner,
                None => inner = use_tree(prefix, inner, paths),
            }
        }
    }
    let end = tree.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(tree.len()).max(1).min(tree.len());
    let path = [prefix, &[tree[..end].to_owned()]].concat();
    let rest = &tree[end..];
    if let Some(deeper) = rest.strip_prefix("::") {
        return use_tree(&path, deeper, paths);
    }
    let alias = rest.trim_start().strip_prefix("as ").map(|r| r.trim_start());
    let name = alias.map(|r| r.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default());
    paths.push((path, name.map(str::to_owned)));
    rest.trim_start_matches(|c| c != ',' && c != '}')
}

/// The paths that stand in the code itself: `crate::a::b`, `super::c`, `child::d`.
fn paths_in(code: &str) -> Vec<Module> {
    let path = regex::Regex::new(r"\w+(?:::\w+)+").unwrap();
    path.find_iter(code).map(|m| m.as_str().split("::").map(str::to_owned).collect()).collect()
}

fn type_names(code: &str) -> Vec<String> {
    let item =
        regex::Regex::new(r"(?m)\b(?:struct|enum|trait|union)\s+(\w+)|^(?:pub(?:\([^)]*\))?\s+)?type\s+(\w+)").unwrap();
    let name = |c: regex::Captures<'_>| c.get(1).or_else(|| c.get(2)).unwrap().as_str().to_owned();
    item.captures_iter(code).map(name).collect()
}

#[test]
fn a_type_name_stands_once_in_a_room_and_no_file_imports_itself() {
    let faults = Tree::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).faults();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// The faults of a small tree.
fn planted(files: &[(&str, &str)]) -> String {
    let tree = tempfile::tempdir().unwrap();
    for (file, text) in files {
        let path = tree.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Tree::read(tree.path()).faults().join("\n")
}

#[test]
fn a_second_type_of_one_name_is_caught() {
    let faults = planted(&[("a/mod.rs", "mod x;\npub struct Line;"), ("a/x.rs", "pub(super) enum Line { One }")]);
    assert!(faults.contains("`Line` stands twice in a: a/mod.rs, a/x.rs"), "{faults}");
    let faults = planted(&[("a/mod.rs", "type Pair = (u8, u8);"), ("a/b/x.rs", "trait Pair {}")]);
    assert!(faults.contains("`Pair`"), "{faults}");
}

#[test]
fn a_circle_is_caught_however_it_is_written() {
    let parent = ("a/mod.rs", "mod x;\nmod y;\npub use x::X;");
    for x in [
        "use super::y::Y;",
        "use crate::a::y::Y;",
        "use crate::a::{\n    y::{self, Y},\n};",
        "fn f() { crate::a::y::g() }",
        "fn f() { super::y::g() }",
        "use super::y;\nfn f() { y::g() }",
    ] {
        let faults = planted(&[parent, ("a/x.rs", x), ("a/y.rs", "use super::X;")]);
        assert!(faults.contains("a/x.rs imports in a circle: a/y.rs"), "{x}: {faults}");
    }
}

#[test]
fn what_is_no_fault_is_left_alone() {
    for files in [
        // Rooms are rooms of their own.
        vec![("a/mod.rs", "struct Line;"), ("b/mod.rs", "struct Line;")],
        // A parent names its children, and they what it defines.
        vec![("a/mod.rs", "mod x;\nuse x::X;\npub struct Y;"), ("a/x.rs", "use super::Y;\npub struct X;")],
        // Tests, comments and words are no code.
        vec![
            ("a/x.rs", "struct Line;\n#[cfg(test)]\nmod tests { struct Line; use super::super::y::Y; }"),
            ("a/y.rs", "use super::x;"),
        ],
        vec![
            ("a/x.rs", "// struct Line;\nstruct Line; const S: &str = \"struct Line;\";"),
            ("a/tests/y.rs", "struct Line;"),
        ],
    ] {
        assert_eq!(planted(&files), "", "{files:?}");
    }
}
