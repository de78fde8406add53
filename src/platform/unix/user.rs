//! The user who runs `retry`.

use crate::core::shared::Location;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Why there is no default location of shared state.
pub const NO_STATE_DIRECTORY: &str =
    "neither XDG_STATE_HOME nor HOME is set to a directory of this user (use --state DIR)";

/// The default location of shared state, from the variables of the environment.
///
/// Root uses only a home directory that belongs to root. `sudo` may keep the HOME of the user, and files of root in it
/// would lock the user out; to create files there and give them to the user is unsafe, because the user can put
/// anything in their place. (pip runs without its cache then, and npm no longer changes owners.) The home of root is
/// in /etc/passwd.
pub fn state_directory(variable: impl Fn(&str) -> Option<OsString>) -> Location {
    let [state_home, home] = ["XDG_STATE_HOME", "HOME"].map(variable);
    if !rustix::process::geteuid().is_root() {
        return standard(state_home, home);
    }
    let roots = |home: &OsString| is_roots(Path::new(home));
    let instead = || root_home(&fs::read_to_string("/etc/passwd").ok()?);
    let home = home.and_then(|home| if roots(&home) { Some(home) } else { instead() });
    standard(state_home.filter(roots), home)
}

/// The default: `$XDG_STATE_HOME/retry`, else `~/.local/state/retry`. Relative paths in these
/// variables are ignored, as the XDG Base Directory Specification asks.
fn standard(xdg_state_home: Option<OsString>, home: Option<OsString>) -> Location {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let state = xdg_state_home
        .and_then(absolute)
        .or_else(|| home.and_then(absolute).map(|home| home.join(".local/state")));
    state.map_or(Location::Unavailable, |state| Location::Default(state.join("retry")))
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

    #[test]
    fn the_default_is_below_the_state_home() {
        let of = |xdg: Option<&str>, home: Option<&str>| {
            standard(xdg.map(OsString::from), home.map(OsString::from)).to_string()
        };
        assert_eq!(of(Some("/s"), Some("/h")), "/s/retry");
        assert_eq!(of(Some(""), Some("/h")), "/h/.local/state/retry");
        assert_eq!(of(Some("relative"), Some("/h")), "/h/.local/state/retry");
        assert_eq!(of(None, Some("relative")), "the default directory");
        assert_eq!(of(None, None), "the default directory");
    }
}
