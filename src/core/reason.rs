//! The system's words for an error, as they stand within a sentence. Owns the wording of nothing else.

use std::io;

/// `permission denied` for an error that prints as `Permission denied (os error 13)`.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let mut words = text.split(" (os error").next().unwrap_or_default().to_owned();
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_goes_and_names_stay() {
        assert_eq!(reason(&io::Error::from_raw_os_error(libc::EACCES)), "permission denied");
        assert_eq!(reason(&io::Error::from_raw_os_error(libc::EIO)), "input/output error");
        assert_eq!(reason(&io::Error::other("Name of X is unknown")), "name of X is unknown");
        assert_eq!(reason(&io::Error::other("")), "");
    }
}
