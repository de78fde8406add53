//! The user who runs `retry`.

use crate::core::shared::Location;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The default location of shared state, from the variables of the environment.
///
/// Root uses only a home directory that belongs to root. `sudo` may keep the HOME of the user, and files of root in it
/// would lock the user out; to create files there and give them to the user is unsafe, because the user can put
/// anything in their place. (pip runs without its cache then, and npm no longer changes owners.) The home of root is
/// in /etc/passwd.
pub fn state_directory(variable: impl Fn(&str) -> Option<OsString>) -> Location {
    let [state_home, home] = ["XDG_STATE_HOME", "HOME"].map(variable);
    if !rustix::process::geteuid().is_root() {
        return Location::standard(state_home, home);
    }
    let roots = |home: &OsString| is_roots(Path::new(home));
    let instead = || root_home(&fs::read_to_string("/etc/passwd").ok()?);
    let home = home.and_then(|home| if roots(&home) { Some(home) } else { instead() });
    Location::standard(state_home.filter(roots), home)
}

/// Whether a directory, or the nearest existing one above it, belongs to root.
fn is_roots(directory: &Path) -> bool {
    let existing = directory.ancestors().find_map(|path| fs::metadata(path).ok());
    existing.is_some_and(|found| found.uid() == 0)
}

/// The home of root in a text like /etc/passwd (passwd(5)).
fn root_home(passwd: &str) -> Option<OsString> {
    let user = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        matches!(fields[..], [_, _, "0", ..]).then(|| fields.get(5).map(OsString::from))?
    };
    passwd.lines().find_map(user).filter(|home| !home.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_of_root_is_found_in_passwd() {
        let home = |passwd: &str| root_home(passwd).map(|home| home.into_string().unwrap());
        let users = "daemon:x:1:1::/usr/sbin:\nadmin:x:0:0:root,,:/var/root:/bin/sh\nroot:x:0:0::/root:\n";
        assert_eq!(home(users).as_deref(), Some("/var/root"));
        for none in ["", "\n:::\n", "root:x:0:0", "root:x:0:0:::", "me:x:10:0::/root:"] {
            assert_eq!(home(none), None, "{none}");
        }
    }
}
