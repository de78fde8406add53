//! What is usual in command lines.

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

/// Good values of flags that differ from the usual ones.
pub const EXAMPLES: &[(&str, &str)] = &[
    ("--before-retry", "clean-up.cmd"),
    ("--fallback", "cached.cmd"),
    ("--log", "retry.log"),
    ("--retry-if", "findstr timeout"),
    ("--retry-on", "7,28,0xC0000005,timeout"),
    ("--state", r"C:\ProgramData\retry"),
];

/// The flags that cannot do anything here.
pub const UNSUPPORTED_FLAGS: &[&str] = &["--timeout-signal"];

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
