//! What is depended on, and what docs/dependencies.md says about it.

mod common;

use common::command::{program, works};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

const DOCUMENT: &str = include_str!("../docs/dependencies.md");

/// The most crates that the command without Redis may consist of, itself and what its macros need included.
const MOST: usize = 50;

/// cargo where the packages are; nothing where it cannot be had.
fn cargo(what: &str) -> Option<Command> {
    let cargo = || {
        let mut cargo = program(env!("CARGO"));
        // Where rustup and cargo keep what they have, in whoever's home.
        for name in ["HOME", "CARGO_HOME", "RUSTUP_HOME"] {
            #[expect(clippy::disallowed_methods, reason = "cargo's own settings")]
            cargo.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
        cargo
    };
    works(cargo().arg("--version").stdout(std::process::Stdio::null()), "cargo", what).then(cargo)
}

/// A dependency of one of our packages.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Dependency {
    package: String,
    kind: String,
    name: String,
}

/// The rows of the tables: what is said about each.
fn documented() -> BTreeMap<Dependency, Vec<String>> {
    let mut rows = BTreeMap::new();
    let (mut package, mut kind) = (String::new(), String::new());
    for line in DOCUMENT.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            (package, kind) = (heading.trim_matches('`').to_owned(), "normal".to_owned());
        } else if line.starts_with("### ") {
            "dev".clone_into(&mut kind);
        } else if let Some(row) = line.strip_prefix("| `") {
            let cells: Vec<String> =
                row.trim_end_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
            let name = cells[0].trim_end_matches('`').to_owned();
            let dependency = Dependency { package: package.clone(), kind: kind.clone(), name };
            assert!(rows.insert(dependency, cells[1..].to_vec()).is_none(), "{line} is there twice");
        }
    }
    rows
}

#[test]
fn every_dependency_is_justified() {
    let Some(mut cargo) = cargo("the list of dependencies") else { return };
    // No platform: dependencies of other systems count too.
    let done = cargo
        .args(["metadata", "--locked", "--offline", "--no-deps", "--format-version", "1"])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let metadata: Value = serde_json::from_slice(&done.stdout).unwrap();
    let mut wanted = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        for dependency in package["dependencies"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            wanted.insert(Dependency {
                package: text(&package["name"]).unwrap(),
                kind: text(&dependency["kind"]).unwrap_or_else(|| "normal".to_owned()),
                name: text(&dependency["name"]).unwrap(),
            });
        }
    }
    let packages: BTreeSet<&str> = wanted.iter().map(|dependency| dependency.package.as_str()).collect();
    assert_eq!(
        packages.into_iter().collect::<Vec<_>>(),
        ["retry-command", "retry-loop", "retry-loop-macros"]
    );
    let rows = documented();
    let rows_of: BTreeSet<&Dependency> = rows.keys().collect();
    let wanted: BTreeSet<&Dependency> = wanted.iter().collect();
    let missing: Vec<_> = wanted.difference(&rows_of).collect();
    let needless: Vec<_> = rows_of.difference(&wanted).collect();
    assert!(missing.is_empty() && needless.is_empty(), "missing: {missing:?}; needless: {needless:?}");
    for (dependency, cells) in &rows {
        let columns = if dependency.kind == "dev" { 2 } else { 4 };
        assert!(
            cells.len() == columns && cells.iter().all(|cell| !cell.is_empty()),
            "{dependency:?}: {cells:?}"
        );
    }
}

/// The names of all crates that `cargo tree` shows with these options.
fn crates(options: &[&str]) -> Option<BTreeSet<String>> {
    let mut cargo = cargo("the number of crates")?;
    let always = ["tree", "--locked", "--package", "retry-command", "--prefix", "none", "--edges", "normal"];
    let done = cargo.args(always).args(options).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let lines = String::from_utf8(done.stdout).unwrap();
    Some(lines.lines().filter_map(|line| Some(line.split_once(' ')?.0.to_owned())).collect())
}

#[test]
fn the_command_without_redis_consists_of_few_crates() {
    let Some(without) = crates(&["--no-default-features"]) else { return };
    assert!(without.len() <= MOST, "{}: {without:?}", without.len());
    let features = [
        ("without Redis", without),
        ("by default", crates(&[]).unwrap()),
        ("with TLS", crates(&["--features", "redis-tls"]).unwrap()),
    ];
    for (what, crates) in features {
        let said = format!("| {what} | {} |", crates.len());
        assert!(DOCUMENT.contains(&said), "docs/dependencies.md has to say {said}");
        for gone in ["chrono", "quick-junit", "tempfile"] {
            assert!(!crates.contains(gone), "{gone}");
        }
    }
}

/// The numbers in the column "brings in": what comes with a crate, itself included, on Linux with all features of
/// the command.
#[test]
fn what_a_dependency_brings_in_is_known() {
    let Some(mut cargo) = cargo("what a dependency brings in") else { return };
    let options = ["metadata", "--locked", "--format-version", "1", "--features", "redis-tls"];
    let platform = ["--filter-platform", "x86_64-unknown-linux-musl"];
    let done = cargo.args(options).args(platform).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let metadata: Value = serde_json::from_slice(&done.stdout).unwrap();
    let id = |value: &Value| value.as_str().unwrap().to_owned();
    let mut names = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        names.insert(id(&package["id"]), id(&package["name"]));
    }
    let mut needs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().unwrap() {
        let is_normal = |dependency: &&Value| {
            dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null())
        };
        let dependencies = node["deps"].as_array().unwrap().iter().filter(is_normal);
        needs.insert(id(&node["id"]), dependencies.map(|dependency| id(&dependency["pkg"])).collect());
    }
    let mut checked = 0;
    for (dependency, cells) in documented().iter().filter(|(dependency, _)| dependency.kind == "normal") {
        let package = names.iter().find(|(_, name)| **name == dependency.package).unwrap().0;
        let found = needs[package].iter().find(|id| names[*id] == dependency.name);
        // One that only a feature of the library needs.
        let Some(found) = found else { continue };
        let (mut seen, mut todo) = (BTreeSet::new(), vec![found]);
        while let Some(next) = todo.pop() {
            if seen.insert(next) {
                todo.extend(&needs[next]);
            }
        }
        let said = cells[2].split_whitespace().next().unwrap();
        assert_eq!(said, seen.len().to_string(), "{dependency:?}");
        checked += 1;
    }
    assert!(checked > 20, "{checked}");
}
