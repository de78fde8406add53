//! The user who runs `retry`.

use crate::core::shared::Location;
use std::ffi::OsString;
use std::path::PathBuf;

/// Why there is no default location of shared state.
pub const NO_STATE_DIRECTORY: &str = "LOCALAPPDATA is not set to a directory (use --state DIR)";

/// The default location of shared state, from the variables of the environment: `%LOCALAPPDATA%\retry`. Only the user,
/// administrators and the system may write there.
pub fn state_directory(variable: impl Fn(&str) -> Option<OsString>) -> Location {
    let local = variable("LOCALAPPDATA").map(PathBuf::from).filter(|path| path.is_absolute());
    local.map_or(Location::Unavailable, |local| Location::Default(local.join("retry")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_in_the_local_application_data() {
        let of = |local: Option<&str>| state_directory(|_| local.map(OsString::from));
        assert_eq!(
            of(Some(r"C:\Users\me\AppData\Local")),
            Location::Default(r"C:\Users\me\AppData\Local\retry".into())
        );
        for none in [None, Some(""), Some("relative"), Some(r"\no\drive")] {
            assert_eq!(of(none), Location::Unavailable, "{none:?}");
        }
    }
}
