//! Exit codes of commands: 8 bits on Unix, 32 on Windows.

/// An exit code, at most [`MAX`].
pub type ExitCode = u32;

/// The highest exit code of this system.
pub const MAX: ExitCode = if cfg!(windows) { u32::MAX } else { 255 };

/// [`MAX`] for a message.
pub const MAX_TEXT: &str = if cfg!(windows) { "4294967295 (0xFFFFFFFF)" } else { "255" };

/// The code of a Windows process that Ctrl-C, Ctrl-Break or the closing of its console has ended:
/// `STATUS_CONTROL_C_EXIT` of ntstatus.h.
pub const CONTROL_C_EXIT: ExitCode = 0xC000_013A;

/// Codes from here on are the numbers of errors and exceptions on Windows (NTSTATUS, HRESULT), known by their
/// hexadecimal form.
const FIRST_STATUS: ExitCode = 0x8000_0000;

/// Parses a decimal number, on Windows also a hexadecimal one (`0xC0000005`). `None` if it is no exit code of this system.
pub fn parse(text: &str) -> Option<ExitCode> {
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).filter(|_| cfg!(windows));
    let code = match hexadecimal {
        // `from_str_radix` accepts a sign.
        Some(digits) if digits.starts_with(|c: char| c.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16)
        }
        _ => text.parse(),
    };
    code.ok().filter(|code| *code <= u64::from(MAX)).and_then(|code| code.try_into().ok())
}

/// As people know the code: `3`, `0xC0000005`.
pub fn display(code: ExitCode) -> String {
    if code < FIRST_STATUS { code.to_string() } else { format!("0x{code:08X}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_parsed_and_shown() {
        for (text, code) in [("0", 0), ("7", 7), ("+7", 7), ("255", 255)] {
            assert_eq!(parse(text), Some(code), "{text}");
        }
        for text in ["", "-1", "seven", "4294967296", "0x", "0x+1", "0x-1", "0x1ffffffff", "C0000005"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(display(255), "255");
        assert_eq!(display(CONTROL_C_EXIT), "0xC000013A");
    }

    #[test]
    fn the_system_decides_how_long_a_code_is() {
        let on_windows = |code| cfg!(windows).then_some(code);
        for (text, code) in
            [("256", 256), ("3221225477", 0xC000_0005), ("0xC0000005", 0xC000_0005), ("0Xff", 255)]
        {
            assert_eq!(parse(text), on_windows(code), "{text}");
        }
        assert_eq!(parse(&display(CONTROL_C_EXIT)), on_windows(CONTROL_C_EXIT));
    }
}
