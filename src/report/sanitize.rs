//! Makes text safe for the place where it is shown. Labels, command names, patterns, paths and the texts of servers
//! come from others. None of them may move the cursor, change the direction of writing, start a new line, or be a
//! command for the CI system that reads the log. Everything that is printed or written to a file passes through here.
//!
//! | place | function |
//! |---|---|
//! | stderr, a log file, syslog, the journal's message | [`Line`], and [`visible`] for a part of one |
//! | a text of several lines on stdout | [`lines`] |
//! | a command of ours for GitHub Actions | [`Line::annotation`] |
//! | the summary of a step | [`cell`] |
//! | JUnit | [`xml`] |
//! | the page of `--stats` | [`html`] |
//! | JSON, wherever it goes | [`json`] |
//! | a field of the journal | [`field`] |

use super::width::fitting;
use serde::Serialize;
use std::fmt::Write as _;

/// One line for a terminal or a CI system, without its `\n`.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line(String);

impl Line {
    /// A message.
    pub fn message(text: &str) -> Self {
        let mut line = visible(text);
        // GitHub's runner takes a line for a command even if there is white space before the colons.
        let start = line.len() - line.trim_start().len();
        if line[start..].starts_with("::") {
            line.replace_range(start..=start, r"\u{3a}");
        }
        Self(line)
    }

    /// A usage error, which has several lines.
    pub fn usage(text: &str) -> Self {
        Self(lines(text))
    }

    /// An object from [`json`].
    pub fn object(json: String) -> Self {
        Self(json)
    }

    /// A workflow command that shows `text` next to the step. `level` is `error` or `warning`.
    pub fn annotation(level: &str, text: &str) -> Self {
        Self(format!("::{level} title=retry::{}", visible(text).replace('%', "%25")))
    }

    /// The line after its priority, for the journal.
    pub fn with_priority(&self, priority: u8) -> Self {
        Self(format!("<{priority}>{}", self.0))
    }

    /// The line in a color of ECMA-48, for terminals.
    pub fn colored(&self, code: u8) -> Self {
        Self(format!("\x1b[{code}m{}\x1b[0m", self.0))
    }

    /// The start of the line that fits in this many columns of a terminal.
    pub fn truncated(&self, columns: usize) -> Self {
        Self(fitting(&self.0, columns).to_owned())
    }

    /// The text of the line.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Text in one line, with invisible characters written as `\u{1b}`.
pub fn visible(text: &str) -> String {
    escape_hidden(text, |escaped, hidden| match hidden {
        '\t' | '\r' | '\n' => escaped.extend(hidden.escape_default()),
        _ => escaped.extend(hidden.escape_unicode()),
    })
}

/// Text of several lines, each as a [`Line::message`].
pub fn lines(text: &str) -> String {
    text.split('\n').map(|line| Line::message(line).0).collect::<Vec<_>>().join("\n")
}

/// Text in one cell of a Markdown table, without markup and HTML.
pub fn cell(text: &str) -> String {
    let mut cell = String::new();
    for letter in visible(text).chars() {
        match letter {
            '&' => cell.push_str("&amp;"),
            '<' => cell.push_str("&lt;"),
            '|' | '`' | '*' | '_' | '\\' | '[' | ']' | '~' => cell.extend(['\\', letter]),
            letter => cell.push(letter),
        }
    }
    cell
}

/// Text for XML 1.0, which cannot represent some characters at all. The XML writer escapes markup.
pub fn xml(text: &str) -> String {
    visible(text)
}

/// Text in HTML, also within the quotes of an attribute.
pub fn html(text: &str) -> String {
    let mut html = String::new();
    for letter in visible(text).chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            letter => html.push(letter),
        }
    }
    html
}

/// A value as JSON in one line. Invisible characters are written as `\u001b`, so parsing gives the same value.
pub fn json(value: &impl Serialize) -> String {
    // Never fails: there is no map with keys that are not strings.
    escape_json(&serde_json::to_string(value).unwrap_or_default())
}

/// A value as indented JSON, for people.
pub fn json_for_people(value: &impl Serialize) -> String {
    escape_json(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// The value of a journal field. It may have several lines: the protocol has a form for them.
pub fn field(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

/// Newlines in the text are all between values, because serde_json escapes those in strings.
fn escape_json(json: &str) -> String {
    let escape = |escaped: &mut String, hidden: char| {
        for unit in hidden.encode_utf16(&mut [0; 2]) {
            let _infallible = write!(escaped, "\\u{unit:04x}");
        }
    };
    json.split('\n').map(|line| escape_hidden(line, escape)).collect::<Vec<_>>().join("\n")
}

fn escape_hidden(text: &str, escape: impl Fn(&mut String, char)) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, letter) in text.char_indices() {
        let starts_command = letter == '#' && escaped.ends_with('#') && is_command(&text[at + 1..]);
        if starts_command || is_hidden(letter) {
            escape(&mut escaped, letter);
        } else {
            escaped.push(letter);
        }
    }
    escaped
}

/// Whether the text after `##` makes a command: `[error]`, `[group]` (GitHub, Azure), `vso[`, `teamcity[`. CI systems
/// read commands anywhere in a line.
fn is_command(rest: &str) -> bool {
    rest.trim_start_matches(|letter: char| letter.is_ascii_alphabetic()).starts_with('[')
}

/// Whether a character is invisible or changes how others are shown: control characters, line ends, marks that change
/// the direction of writing (Unicode TR9), and the two noncharacters that XML forbids.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{fffe}'
                | '\u{ffff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_hidden_is_written_out() {
        assert_eq!(visible("a\x1b[31m\tb\r\nc\u{202e}\u{fffe}"), r"a\u{1b}[31m\tb\r\nc\u{202e}\u{fffe}");
        assert_eq!(
            visible("##[error]x ##vso[y] ## z ### [a] #1"),
            r"#\u{23}[error]x #\u{23}vso[y] ## z ### [a] #1"
        );
        assert_eq!(Line::message(" ::error::x").as_str(), r" \u{3a}:error::x");
        assert_eq!(visible("\u{e9} \u{4e2d} \u{1f600}"), "\u{e9} \u{4e2d} \u{1f600}");
    }

    #[test]
    fn nothing_breaks_out_of_its_place() {
        let annotation = Line::annotation("error", "50% \r\n::error::x");
        assert_eq!(annotation.as_str(), r"::error title=retry::50%25 \r\n::error::x");
        assert_eq!(cell("a|b\n<b> *c*"), r"a\|b\\n&lt;b> \*c\*");
        assert_eq!(field("a\nb\x1b"), "a\nb\\u{1b}");
        assert_eq!(html("<a href='b\"&c'>"), "&lt;a href=&#39;b&quot;&amp;c&#39;&gt;");
        assert_eq!(json(&"\u{202e}##[x]\u{7f}"), r#""\u202e#\u0023[x]\u007f""#);
    }

    /// Text that often has something dangerous.
    fn nasty() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            any::<char>().prop_map(String::from),
            (0..0xa0_u8).prop_map(|code| char::from(code).to_string()),
            prop::sample::select(
                &[
                    "::",
                    "::error::",
                    "#",
                    "##",
                    "##[",
                    "##[error]",
                    "##vso[",
                    "##teamcity[",
                    "%",
                    "%0A",
                    "\u{202e}",
                    "\u{2066}",
                    "\u{200f}",
                    "\u{61c}",
                    "\u{2028}",
                    "\u{fffe}",
                    "\u{ffff}",
                    "\x1b[2J",
                    "\u{9b}",
                    "\r",
                    "\n",
                    " ",
                    "]]>",
                    "<!--",
                    "|",
                    "`",
                    "\"",
                    "\\",
                ][..]
            )
            .prop_map(str::to_owned),
        ];
        proptest::collection::vec(part, 0..20).prop_map(|parts| parts.concat())
    }

    fn is_safe(text: &str) -> bool {
        let command = regex::Regex::new(r"##[A-Za-z]*\[").unwrap();
        let bidi = |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        !text.chars().any(|c| (c.is_control() && c != '\n') || bidi(c)) && !command.is_match(text)
    }

    fn is_no_command(text: &str) -> bool {
        is_safe(text) && !text.lines().any(|line| line.trim().starts_with("::"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn nothing_is_hidden_and_nothing_is_a_command(text in nasty()) {
            let line = Line::message(&text);
            prop_assert!(is_no_command(line.as_str()) && !line.as_str().contains('\n'), "{line:?}");
            prop_assert_eq!(&Line::message(line.as_str()), &line, "once is enough");
            prop_assert!(is_no_command(&lines(&text)));
            prop_assert_eq!(lines(&text).matches('\n').count(), text.matches('\n').count());
            prop_assert!(is_safe(&field(&text)) && is_safe(&cell(&text)) && !cell(&text).contains('\n'));
            let annotation = Line::annotation("error", &text);
            prop_assert!(is_safe(annotation.as_str()) && !annotation.as_str().contains('\n'));
            let xml = |c: char| matches!(c, ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
            prop_assert!(super::xml(&text).chars().all(xml));
        }

        #[test]
        fn json_is_safe_and_reads_back(text in nasty(), more in nasty()) {
            let value = serde_json::json!({ "a": [text, more.clone()], "b": more });
            let line = json(&value);
            prop_assert!(is_no_command(&line) && !line.contains('\n'), "{line}");
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), value.clone());
            let people = json_for_people(&value);
            prop_assert!(is_no_command(&people), "{people}");
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&people).unwrap(), value);
        }
    }
}
