//! What is usual in command lines.

use crate::core::system::System;

/// The shell that runs the hooks, as messages name it.
pub const HOOK_SHELL: &str = "cmd";

/// The family of this system.
pub const SYSTEM: System = System::Windows;

/// The endings of the names of programs, which may be left out.
pub const EXTENSIONS: &[&str] = &[".exe", ".cmd", ".bat", ".com"];

/// The name of a program as it is compared with others: capitals make no difference.
pub fn comparable(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// A word of a command line as the program reads it (`CommandLineToArgvW`).
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || r"-_./\:=@+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    in_quotes(word)
}

/// The same with quotation marks in any case.
pub fn in_quotes(word: &str) -> String {
    let mut quoted = String::from("\"");
    let mut backslashes = 0;
    for c in word.chars() {
        // Backslashes are doubled only before a quotation mark.
        if c == '"' {
            quoted.extend(std::iter::repeat_n('\\', backslashes + 1));
        }
        backslashes = if c == '\\' { backslashes + 1 } else { 0 };
        quoted.push(c);
    }
    quoted.extend(std::iter::repeat_n('\\', backslashes));
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_so_that_a_program_reads_them_back() {
        for (word, text) in [
            (r"C:\a\b.exe", r"C:\a\b.exe"),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("say \"hi\"", r#""say \"hi\"""#),
            (r"a b\", r#""a b\\""#),
            (r#"\"x"#, r#""\\\"x""#),
            ("50%", "\"50%\""),
        ] {
            assert_eq!(quoted(word), text);
        }
    }
}
