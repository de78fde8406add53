//! The man page as plain text, for systems without man: Windows, and containers.
//!
//! It reads what [`super::man`] writes, which is a small part of man(7), and keeps all words in their order.

use super::texts::fill;

const WIDTH: usize = 80;
/// How far text is indented below a heading, and below a tag.
const STEP: usize = 4;
/// A tag and the text behind it share a line if the tag is shorter.
const TAG_WIDTH: usize = 10;

/// The text of a page in man(7) format.
pub fn text(page: &str) -> String {
    let mut text = Text::default();
    for line in page.lines() {
        match line.strip_prefix('.') {
            Some(request) => text.request(request),
            None => text.line(&plain(line)),
        }
    }
    text.end_paragraph();
    text.done
}

#[derive(Default)]
struct Text {
    done: String,
    /// The words of a paragraph that is not yet written.
    words: String,
    /// The tag that the words follow.
    tag: Option<String>,
    /// How far paragraphs are indented, and those around an RS.
    indent: usize,
    outer: Vec<usize>,
    /// How far the text below a tag is indented.
    below_tag: usize,
    /// The length of the text up to the last heading, which no empty line follows.
    heading_end: usize,
    is_in_tag: bool,
    is_example: bool,
    is_compact: bool,
}

impl Text {
    fn request(&mut self, request: &str) {
        let (name, rest) = request.split_once(' ').unwrap_or((request, ""));
        let heading = || plain(rest.trim_matches('"'));
        match name {
            "SH" => self.heading(&heading(), 0),
            "SS" => self.heading(&heading(), STEP / 2),
            "PP" => {
                self.gap();
                self.indent = self.margin();
            }
            "IP" => {
                self.gap();
                self.indent = self.below_tag;
            }
            "TP" => {
                if self.is_compact {
                    self.end_paragraph();
                } else {
                    self.gap();
                }
                self.is_in_tag = true;
            }
            "RS" => {
                self.end_paragraph();
                self.outer.push(self.indent);
                self.indent = self.margin();
            }
            "RE" => {
                self.end_paragraph();
                self.indent = self.outer.pop().unwrap_or_default();
            }
            "PD" => self.is_compact = !rest.is_empty(),
            "EX" | "EE" => {
                self.end_paragraph();
                self.is_example = name == "EX";
            }
            // The title, and the definition of an apostrophe.
            _ => {}
        }
    }

    fn line(&mut self, line: &str) {
        if self.is_example {
            self.done.extend([&" ".repeat(self.margin()), line, "\n"]);
        } else if self.is_in_tag {
            self.is_in_tag = false;
            self.indent = self.margin();
            self.below_tag = self.indent + STEP;
            self.tag = Some(line.to_owned());
        } else {
            self.words.extend([line, " "]);
        }
    }

    /// Below a heading, or inside an RS.
    fn margin(&self) -> usize {
        self.outer.last().copied().unwrap_or_default() + STEP
    }

    fn heading(&mut self, heading: &str, indent: usize) {
        self.gap();
        self.done.extend([&" ".repeat(indent), heading, "\n"]);
        self.heading_end = self.done.len();
        self.indent = self.margin();
    }

    /// Ends a paragraph, with an empty line.
    fn gap(&mut self) {
        self.end_paragraph();
        if self.done.len() != self.heading_end && !self.done.ends_with("\n\n") {
            self.done.push('\n');
        }
    }

    fn end_paragraph(&mut self) {
        let margin = " ".repeat(self.indent);
        let words = std::mem::take(&mut self.words);
        match self.tag.take() {
            Some(tag) if tag.chars().count() < TAG_WIDTH => {
                let head = format!("{margin}{tag:<TAG_WIDTH$}");
                fill(&mut self.done, &head, self.indent + TAG_WIDTH, &words, WIDTH);
                self.below_tag = self.indent + TAG_WIDTH;
            }
            Some(tag) => {
                self.done.extend([margin.as_str(), &tag, "\n"]);
                self.indent = self.below_tag;
                self.words = words;
                self.end_paragraph();
            }
            None if words.is_empty() => {}
            None => fill(&mut self.done, &margin, self.indent, &words, WIDTH),
        }
    }
}

/// A line without fonts and escapes.
fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, escape)) = rest.split_once('\\') {
        plain.push_str(before);
        let (shown, length) = match escape.as_bytes() {
            [b'f', _, ..] => ("", 2),
            [b'*', b'(', b'A', b'q', ..] => ("'", 4),
            [b'&', ..] => ("", 1),
            [b'-', ..] => ("-", 1),
            _ => ("\\", 1),
        };
        plain.push_str(shown);
        rest = escape.get(length..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::super::args::Args;
    use super::super::man;
    use super::*;
    use clap::CommandFactory;

    fn page() -> String {
        let mut model = Args::command();
        model.build();
        man::page(&model)
    }

    #[test]
    fn every_word_of_the_page_is_there_in_its_order() {
        let page = page();
        let words = page.lines().flat_map(|line| {
            match line.split_once(' ') {
                Some((".SH" | ".SS", heading)) => plain(heading.trim_matches('"')),
                _ if line.starts_with('.') => String::new(),
                _ => plain(line),
            }
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
        });
        let text = text(&page);
        let shown: Vec<&str> = text.split_whitespace().collect();
        assert!(shown.len() > 5000, "{}", shown.len());
        assert_eq!(words.collect::<Vec<_>>(), shown);
    }

    #[test]
    fn no_line_is_wider_than_a_terminal_and_none_has_an_escape() {
        let text = text(&page());
        for escape in [r"\f", r"\-", r"\*", r"\&", "\n.", "\n\n\n"] {
            assert!(!text.contains(escape), "{escape:?}");
        }
        // Tags and examples stay on one line.
        let wide = text.lines().filter(|line| line.chars().count() > WIDTH);
        assert!(wide.clone().count() < 10, "{:#?}", wide.collect::<Vec<_>>());
        for part in [
            "NAME\n    retry - run a command",
            "\n  Attempts\n",
            "\n    --kill-after DUR\n        Time between --timeout-signal and SIGKILL",
            "\n    124       --timeout, --idle-timeout or --deadline",
            "\n            keep      Leave them running",
            "\n        retry --retry-on curl -- curl -fsS https://example.com/api\n",
            r"%LOCALAPPDATA%\retry",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
