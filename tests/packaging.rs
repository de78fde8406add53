//! What `.ci/release-files` makes of a release's archives: the templates of packaging/, the installer, the sums.

#![cfg(target_os = "linux")]

mod common;

use common::command::{Scratch, needs, program, text};
use common::release::{Release, VERSION};
use std::process::{Command, Output};

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");
const ADDRESS: &str = "https://github.com/someone/retry";
const ARCHIVES: [&str; 7] = [
    "aarch64-apple-darwin.tar.gz",
    "aarch64-unknown-linux-musl.tar.gz",
    "armv7-unknown-linux-musleabihf.tar.gz",
    "riscv64gc-unknown-linux-musl.tar.gz",
    "x86_64-apple-darwin.tar.gz",
    "x86_64-pc-windows-msvc.zip",
    "x86_64-unknown-linux-musl.tar.gz",
];

/// Whether a release can be made here at all.
fn possible() -> bool {
    needs("python3", "the files of a release") && needs("zip", "the archive for Windows")
}

/// A scratch directory with these archives in `release`, each with a program of its own.
fn with_archives(archives: &[&str]) -> Scratch {
    let scratch = Scratch::new();
    for archive in archives {
        let target = archive.trim_end_matches(".tar.gz").trim_end_matches(".zip");
        Release::make(&scratch, target);
    }
    // The licences are in a real archive.
    let script = "cd stage && for folder in *-musl*; do cp \"$0\"/LICENSE-* $folder/ &&
        echo others > $folder/THIRD-PARTY-LICENSES && tar -czf ../release/$folder.tar.gz $folder || exit; done";
    let mut sh = program("sh");
    scratch.settle(sh.args(["-c", script, FOLDER]));
    assert!(sh.status().unwrap().success());
    std::fs::remove_file(scratch.path("release/SHA256SUMS")).unwrap();
    scratch
}

fn complete(scratch: &Scratch, more: &[&str]) -> Output {
    let mut python = program("python3");
    scratch.settle(python.arg(format!("{FOLDER}/.ci/release-files")).arg("release").args(more));
    // 2026-01-02
    python.env("RELEASE_REPOSITORY", ADDRESS).env("SOURCE_DATE_EPOCH", "1767312000").output().unwrap()
}

/// Runs something in the release, and gives back what it printed.
#[track_caller]
fn printed(scratch: &Scratch, command: &mut Command) -> String {
    scratch.settle(command);
    let done = command.current_dir(scratch.path("release")).output().unwrap();
    assert!(done.status.success(), "{}{}", text(&done.stdout), text(&done.stderr));
    text(&done.stdout)
}

fn sha256(scratch: &Scratch, archive: &str) -> String {
    let sum = printed(scratch, program("sha256sum").arg(format!("retry-{VERSION}-{archive}")));
    sum.split(' ').next().unwrap().to_owned()
}

fn url(archive: &str) -> String {
    format!("{ADDRESS}/releases/download/v{VERSION}/retry-{VERSION}-{archive}")
}

#[test]
fn the_sums_are_of_all_that_is_published_and_the_installer_knows_its_release() {
    if !possible() {
        return;
    }
    let scratch = with_archives(&ARCHIVES);
    let done = complete(&scratch, &["--all"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    printed(&scratch, program("sha256sum").args(["--check", "--strict", "SHA256SUMS"]));
    let sums = scratch.read("release/SHA256SUMS");
    let mut names: Vec<&str> = sums.lines().map(|line| line.split_once("  ").unwrap().1).collect();
    let mut expected: Vec<String> = ARCHIVES.map(|archive| format!("retry-{VERSION}-{archive}")).to_vec();
    expected.push("install.sh".to_owned());
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected);
    // Without a word about which release, and where.
    let planned = printed(
        &scratch,
        program("sh").args(["install.sh", "--dry-run", "--os", "macOS", "--arch", "arm64"]),
    );
    assert!(planned.starts_with(&format!("from: {}\n", url("aarch64-apple-darwin.tar.gz"))), "{planned}");
    let bin = scratch.path("bin");
    printed(&scratch, program("sh").args(["install.sh", "--from", ".", "--bin"]).arg(&bin));
    assert!(bin.join("retry").exists());

    // Again, it does not count what it has made itself.
    let before = scratch.read("release/SHA256SUMS");
    assert!(complete(&scratch, &["--all"]).status.success());
    assert_eq!(scratch.read("release/SHA256SUMS"), before);
}

#[test]
fn what_is_not_there_is_left_out_whole_and_said_or_is_an_error() {
    if !possible() {
        return;
    }
    let scratch = with_archives(&["x86_64-unknown-linux-musl.tar.gz"]);
    let done = complete(&scratch, &[]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let said = text(&done.stdout);
    for folder in ["aur", "homebrew", "scoop", "winget"] {
        assert!(said.contains(&format!("not made: packaging/{folder} needs retry-{VERSION}-")), "{said}");
        assert!(!scratch.path("release/packaging").join(folder).exists());
    }
    assert!(scratch.path("release/packaging/container/linux/amd64/retry").exists());
    let all = complete(&scratch, &["--all"]);
    assert_eq!(all.status.code(), Some(1));
    assert!(text(&all.stderr).starts_with("release-files: packaging/"), "{}", text(&all.stderr));
    let without =
        with_archives(&ARCHIVES.into_iter().filter(|name| !name.contains("windows")).collect::<Vec<_>>());
    let done = complete(&without, &["--all"]);
    assert_eq!(done.status.code(), Some(1), "{}", text(&done.stdout));
    assert!(text(&done.stderr).contains("x86_64-pc-windows-msvc.zip"), "{}", text(&done.stderr));
}

#[test]
fn an_address_that_is_none_is_refused() {
    if !possible() {
        return;
    }
    let scratch = with_archives(&["x86_64-unknown-linux-musl.tar.gz"]);
    for address in
        ["http://example.com/a/b", "https://example.com/", "https://example.com/a/b\"; rm", "retry"]
    {
        let mut python = program("python3");
        scratch.settle(python.arg(format!("{FOLDER}/.ci/release-files")).arg("release"));
        let done = python.env("RELEASE_REPOSITORY", address).output().unwrap();
        assert_eq!(done.status.code(), Some(1), "{address}");
        assert!(text(&done.stderr).contains("RELEASE_REPOSITORY=https://"), "{}", text(&done.stderr));
    }
}

#[test]
fn the_formula_is_ruby_and_has_a_sum_for_each_system() {
    // As much of Homebrew as the formula uses.
    const HOMEBREW: &str = r##"
class Formula
  class << self
    attr_reader :seen, :body
    def method_missing(name, *words, **) = (seen << [name, *words]; yield if block_given? && name.start_with?("on_"))
    def respond_to_missing?(*) = true
    def test(&body) = @body = body
    def inherited(child) = child.instance_variable_set(:@seen, [])
  end
  Place = Struct.new(:name) { def install(*files) = files.each { |file| puts "#{name} #{file}" } }
  %w[bin man1 bash_completion zsh_completion fish_completion].each { |name| define_method(name) { Place.new(name) } }
end
load ARGV[0]
RetryCommand.seen.each { |words| puts words.join(" ") }
RetryCommand.new.install
puts "has a test" if RetryCommand.body"##;
    if !possible() || !needs("ruby", "the Homebrew formula") {
        return;
    }
    let scratch = with_archives(&ARCHIVES);
    assert!(complete(&scratch, &["--all"]).status.success());
    let formula = "packaging/homebrew/retry-command.rb";
    let shown = printed(&scratch, program("ruby").args(["-W", "-e", HOMEBREW, formula]));
    let lines: Vec<&str> = shown.lines().collect();
    for archive in ARCHIVES
        .iter()
        .filter(|name| ["apple", "x86_64-unknown", "aarch64"].iter().any(|part| name.contains(part)))
    {
        let at = lines.iter().position(|line| *line == format!("url {}", url(archive))).expect(archive);
        assert_eq!(lines[at + 1], format!("sha256 {}", sha256(&scratch, archive)));
    }
    assert_eq!(lines.iter().filter(|line| line.starts_with("sha256 ")).count(), 4);
    for line in [
        &format!("version {VERSION}"),
        &format!("homepage {ADDRESS}"),
        "bin retry",
        "man1 retry.1",
        "has a test",
    ] {
        assert!(lines.contains(&line), "{line}: {shown}");
    }
}

#[test]
fn the_manifests_for_windows_parse_and_have_the_sum() {
    // Each file by its own parser, and what they have in common.
    const CHECK: &str = r#"
import json, sys, yaml
version, url, sum = sys.argv[1:]
scoop = json.load(open("packaging/scoop/retry.json"))
build = scoop["architecture"]["64bit"]
assert (scoop["version"], build["url"], build["hash"]) == (version, url, sum), scoop
again = scoop["autoupdate"]["architecture"]["64bit"]["url"].replace("$version", version)
assert again == url, again
kinds = {}
for name in ["version", "installer", "locale.en-US"]:
    manifest = yaml.safe_load(open(f"packaging/winget/{name}.yaml"))
    assert manifest["PackageIdentifier"] == "someone.retry" and str(manifest["PackageVersion"]) == version, manifest
    kinds[manifest["ManifestType"]] = manifest
assert sorted(kinds) == ["defaultLocale", "installer", "version"], kinds
installer = kinds["installer"]["Installers"][0]
assert (installer["InstallerUrl"], installer["InstallerSha256"]) == (url, sum), installer
assert str(kinds["installer"]["ReleaseDate"]) == "2026-01-02", kinds["installer"]
"#;
    if !possible() {
        return;
    }
    let scratch = with_archives(&ARCHIVES);
    assert!(complete(&scratch, &["--all"]).status.success());
    let archive = "x86_64-pc-windows-msvc.zip";
    // The system's Python has the system's PyYAML.
    let mut python = program("/usr/bin/python3");
    let has_yaml = python.args(["-c", "import yaml"]).stderr(std::process::Stdio::null()).status();
    if common::command::can(
        "the manifests for Windows",
        "PyYAML",
        has_yaml.is_ok_and(|status| status.success()),
    ) {
        let mut check = program("/usr/bin/python3");
        printed(&scratch, check.args(["-c", CHECK, VERSION, &url(archive), &sha256(&scratch, archive)]));
    }
    // winget names the program inside the archive.
    let inside = printed(&scratch, program("unzip").args(["-Z1", &format!("retry-{VERSION}-{archive}")]));
    let named = scratch.read("release/packaging/winget/installer.yaml");
    let file = named.lines().find_map(|line| line.trim().strip_prefix("- RelativeFilePath: ")).unwrap();
    assert!(inside.lines().any(|line| line == file.replace('\\', "/")), "{file}: {inside}");
}

#[test]
fn the_pkgbuild_packages_its_archive() {
    if !possible() || !needs("bash", "the PKGBUILD") {
        return;
    }
    let scratch = with_archives(&ARCHIVES);
    assert!(complete(&scratch, &["--all"]).status.success());
    let script = r#"set -eu
        . packaging/aur/PKGBUILD
        for arch in "${arch[@]}"; do
            sources=source_$arch[@] sums=sha256sums_$arch[@]
            echo "${!sums}  $(basename "${!sources}")"
            echo "${!sources}" >> urls
        done | sha256sum --check --strict --quiet
        echo "$pkgname $pkgver"
        # As makepkg does: the archive, and beside it what was in it.
        mkdir src pkg
        ln -s ../retry-$pkgver-x86_64-unknown-linux-musl.tar.gz src/
        pkgdir=$PWD/pkg
        cd src
        tar -xzf retry-*.tar.gz
        cp -r "$1"/{README.md,CHANGELOG.md,docs} retry-*/
        package
        cmp "$1/docs/guide.md" "$pkgdir/usr/share/doc/retry-command-bin/docs/guide.md"
        cmp "$1/docs/img/session-dark.svg" "$pkgdir/usr/share/doc/retry-command-bin/docs/img/session-dark.svg"
        cd "$pkgdir" && find . -type f -not -path '*/docs/*' | LC_ALL=C sort"#;
    let files = printed(&scratch, program("bash").args(["-c", script, "bash", FOLDER]));
    let expected = format!(
        "retry-command-bin {VERSION}\n./usr/bin/retry\n./usr/share/bash-completion/completions/retry\n\
        ./usr/share/doc/retry-command-bin/CHANGELOG.md\n./usr/share/doc/retry-command-bin/README.md\n\
        ./usr/share/fish/vendor_completions.d/retry.fish\n./usr/share/licenses/retry-command-bin/LICENSE-APACHE\n\
        ./usr/share/licenses/retry-command-bin/LICENSE-MIT\n\
        ./usr/share/licenses/retry-command-bin/THIRD-PARTY-LICENSES\n./usr/share/man/man1/retry.1\n\
        ./usr/share/zsh/site-functions/_retry\n"
    );
    assert_eq!(files, expected);
    assert_eq!(
        scratch.read("release/urls").lines().next(),
        Some(url("x86_64-unknown-linux-musl.tar.gz").as_str())
    );
}

#[test]
fn the_image_has_what_its_dockerfile_copies() {
    if !possible() {
        return;
    }
    let scratch = with_archives(&ARCHIVES);
    assert!(complete(&scratch, &["--all"]).status.success());
    let context = scratch.path("release/packaging/container");
    let dockerfile = std::fs::read_to_string(context.join("Dockerfile")).unwrap();
    let mut copied = 0;
    for line in dockerfile.lines().filter_map(|line| line.strip_prefix("COPY ")) {
        let words: Vec<&str> = line.split(' ').collect();
        for platform in ["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/riscv64"] {
            for from in &words[..words.len() - 1] {
                let file = context.join(from.replace("${TARGETPLATFORM}", platform));
                assert!(file.is_file(), "{}", file.display());
                copied += 1;
            }
        }
    }
    assert_eq!(copied, 16);
}

#[test]
fn the_same_files_make_the_same_archive() {
    if !possible() {
        return;
    }
    let scratch = Scratch::new();
    let folder = scratch.path("retry-1-x");
    std::fs::create_dir_all(folder.join("completions")).unwrap();
    scratch.executable("retry-1-x/retry", "#!/bin/sh\n");
    std::fs::write(folder.join("completions/b"), "b").unwrap();
    std::fs::write(folder.join("a"), "a").unwrap();
    let pack = |name: &str| {
        let mut python = program("python3");
        python.arg(format!("{FOLDER}/.ci/archive")).args([name, "retry-1-x"]);
        scratch.settle(python.env("SOURCE_DATE_EPOCH", "1767312000"));
        assert!(python.status().unwrap().success());
        std::fs::read(scratch.path(name)).unwrap()
    };
    let first = [pack("1.tar.gz"), pack("1.zip")];
    let mut touch = program("sh");
    scratch.settle(
        touch.args(["-c", "touch -d 2020-01-01 retry-1-x/a; chmod 600 retry-1-x/a; chmod 700 retry-1-x/*n*"]),
    );
    assert!(touch.status().unwrap().success());
    assert!([pack("2.tar.gz"), pack("2.zip")] == first, "the archives differ");
    let list = |words: &[&str]| {
        let mut list = program(words[0]);
        scratch.settle(list.args(&words[1..]).env("TZ", "UTC"));
        text(&list.output().unwrap().stdout)
    };
    let tar = list(&["tar", "--numeric-owner", "--full-time", "-tvzf", "1.tar.gz"]);
    let lines: Vec<String> =
        tar.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        lines,
        [
            "drwxr-xr-x 0/0 0 2026-01-02 00:00:00 retry-1-x/",
            "-rw-r--r-- 0/0 1 2026-01-02 00:00:00 retry-1-x/a",
            "drwxr-xr-x 0/0 0 2026-01-02 00:00:00 retry-1-x/completions/",
            "-rw-r--r-- 0/0 1 2026-01-02 00:00:00 retry-1-x/completions/b",
            "-rwxr-xr-x 0/0 10 2026-01-02 00:00:00 retry-1-x/retry",
        ]
    );
    if needs("unzip", "what is in a zip") {
        let zip = list(&["unzip", "-Z1", "1.zip"]);
        assert_eq!(
            zip,
            "retry-1-x/\nretry-1-x/a\nretry-1-x/completions/\nretry-1-x/completions/b\nretry-1-x/retry\n"
        );
        list(&["unzip", "-q", "1.zip", "-d", "unpacked"]);
        let mut program = program(scratch.path("unpacked/retry-1-x/retry"));
        assert!(program.status().unwrap().success());
    }
}

/// What stands between these two, wherever the first one is.
fn between(text: &str, before: &str, after: &str) -> Vec<String> {
    let mut found: Vec<String> =
        text.split(before).skip(1).filter_map(|rest| Some(rest.split_once(after)?.0.to_owned())).collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[test]
fn every_build_that_something_looks_for_is_made() {
    let read = |name: &str| std::fs::read_to_string(format!("{FOLDER}/{name}")).unwrap();
    let made = between(&read(".github/workflows/release.yml"), "{ target: ", ",");
    assert!(made.len() == 9, "{made:?}");
    // What a licence or a source may be is looked at for each of them.
    let looked_at = read("deny.toml");
    let looked_at =
        between(looked_at.split_once("\ntargets = [").unwrap().1.split_once(']').unwrap().0, "    \"", "\",");
    assert_eq!(looked_at, made);
    // The archives of the templates, of the image and of the installer on any system.
    let mut wanted = Vec::new();
    for name in ["homebrew/retry-command.rb", "scoop/retry.json", "winget/installer.yaml", "aur/PKGBUILD"] {
        wanted.extend(between(&read(&format!("packaging/{name}.in")), "@SHA256 ", ".tar.gz@"));
        wanted.extend(between(&read(&format!("packaging/{name}.in")), "@SHA256 ", ".zip@"));
    }
    wanted.extend(
        between(&read(".ci/release-files"), "\": \"", "\",\n")
            .into_iter()
            .filter(|name| name.contains("musl")),
    );
    let scratch = Scratch::new();
    for (os, arch) in ["x86_64", "aarch64", "armv7l", "riscv64"]
        .map(|arch| ("Linux", arch))
        .into_iter()
        .chain([("Darwin", "arm64"), ("Darwin", "x86_64"), ("Windows", "X64")])
    {
        let mut sh = program("sh");
        sh.arg(format!("{FOLDER}/install.sh")).args(["--version", "1", "--from", ".", "--dry-run"]);
        scratch.settle(sh.args(["--os", os, "--arch", arch]));
        wanted.extend(between(&text(&sh.output().unwrap().stdout), "from: ./retry-1-", ".tar.gz\n"));
    }
    // Seven for the systems, less the zip; four, one, one and four in the templates; four of the image.
    assert_eq!(wanted.len(), 6 + 10 + 4, "{wanted:?}");
    let missing: Vec<&String> = wanted.iter().filter(|target| !made.contains(target)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_action_of_a_workflow_is_pinned_by_its_commit() {
    let pin = regex::Regex::new(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$").unwrap();
    let mut pinned = 0;
    for entry in std::fs::read_dir(format!("{FOLDER}/.github/workflows")).unwrap() {
        let workflow = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for used in between(&workflow, "uses: ", "\n").iter().filter(|used| !used.starts_with("./")) {
            assert!(pin.is_match(used), "{used}");
            pinned += 1;
        }
    }
    assert!(pinned >= 5, "{pinned}");
}
