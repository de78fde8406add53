//! Exit codes of commands: 8 bits on Unix, 32 on Windows.

/// An exit code, at most [`MAX`].
pub type ExitCode = u32;

/// The highest exit code of this system.
pub const MAX: ExitCode = if cfg!(windows) { u32::MAX } else { 255 };

/// [`MAX`] for a message.
pub const MAX_TEXT: &str = if cfg!(windows) { "4294967295, which is 0xFFFFFFFF or -1" } else { "255" };

/// The code of a Windows process that Ctrl-C, Ctrl-Break or the closing of its console has ended:
/// `STATUS_CONTROL_C_EXIT` of ntstatus.h.
pub const CONTROL_C_EXIT: ExitCode = 0xC000_013A;

/// Codes from here on are the numbers of errors and exceptions on Windows (NTSTATUS, HRESULT), known by their
/// hexadecimal form.
const FIRST_STATUS: ExitCode = 0x8000_0000;

/// Parses a decimal number, on Windows also a hexadecimal one (`0xC0000005`) and a negative one: `%ERRORLEVEL%` of cmd and
/// `$LASTEXITCODE` of PowerShell show that code as -1073741819. `None` if it is no exit code of this system.
pub fn parse(text: &str) -> Option<ExitCode> {
    parse_up_to(MAX, text)
}

fn parse_up_to(max: ExitCode, text: &str) -> Option<ExitCode> {
    let has_32_bits = max == u32::MAX;
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).filter(|_| has_32_bits);
    if has_32_bits && text.starts_with('-') {
        return text.parse::<i32>().ok().filter(|code| *code < 0).map(i32::cast_unsigned);
    }
    let code = match hexadecimal {
        // `from_str_radix` accepts a sign.
        Some(digits) if digits.starts_with(|c: char| c.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16)
        }
        _ => text.parse(),
    };
    code.ok().filter(|code| *code <= u64::from(max)).and_then(|code| code.try_into().ok())
}

/// `5` and `7` of the range `5-7`. A dash at the start is a sign.
pub fn ends_of_range(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let (dash, _) = text.char_indices().skip(1).find(|(_, c)| *c == '-')?;
    Some((&text[..dash], &text[dash + 1..]))
}

/// As people know the code: `3`, `0xC0000005`.
pub fn display(code: ExitCode) -> String {
    if code < FIRST_STATUS { code.to_string() } else { format!("0x{code:08X}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_8_or_32_bits() {
        for (text, narrow, wide) in [
            ("0", Some(0), Some(0)),
            ("+7", Some(7), Some(7)),
            ("255", Some(255), Some(255)),
            ("256", None, Some(256)),
            ("3221225477", None, Some(0xC000_0005)),
            ("4294967295", None, Some(u32::MAX)),
            ("0xC0000005", None, Some(0xC000_0005)),
            ("0Xff", None, Some(255)),
            ("-1", None, Some(u32::MAX)),
            ("-1073741819", None, Some(0xC000_0005)),
            ("-2147483648", None, Some(0x8000_0000)),
        ] {
            assert_eq!((parse_up_to(255, text), parse_up_to(u32::MAX, text)), (narrow, wide), "{text}");
            assert_eq!(parse(text), if MAX == 255 { narrow } else { wide }, "{text}");
        }
        for text in [
            "",
            "-",
            "--1",
            "-0",
            "-2147483649",
            "seven",
            "4294967296",
            "0x",
            "0x+1",
            "0x-1",
            "-0x1",
            "0x1ffffffff",
            "C0000005",
        ] {
            assert_eq!((parse_up_to(255, text), parse_up_to(u32::MAX, text)), (None, None), "{text}");
        }
    }

    #[test]
    fn a_code_is_shown_as_people_know_it() {
        assert_eq!(display(255), "255");
        assert_eq!(display(CONTROL_C_EXIT), "0xC000013A");
        assert_eq!(parse_up_to(u32::MAX, &display(CONTROL_C_EXIT)), Some(CONTROL_C_EXIT));
    }

    #[test]
    fn a_range_may_have_negative_ends() {
        for (text, ends) in [
            ("5-7", Some(("5", "7"))),
            ("-5--1", Some(("-5", "-1"))),
            ("0xC0000000-0xFFFFFFFF", Some(("0xC0000000", "0xFFFFFFFF"))),
            (" -5 - -1 ", Some(("-5 ", " -1"))),
            ("1-2-3", Some(("1", "2-3"))),
            ("-5", None),
            ("-", None),
            ("", None),
            ("7", None),
        ] {
            assert_eq!(ends_of_range(text), ends, "{text:?}");
        }
    }
}
