//! The man page: the form and the sections. The texts are those of the flags and of [`super::texts`].

use super::differences::{DIFFERENCES, Difference, INTRODUCTION};
use super::environment::is_setting;
use super::texts::{self, Example, Row};
use crate::core::retry_after::forms::FORMS;
use clap::{Arg, Command};
use roff::{Inline, Roff, bold, italic, roman};

/// The date of the last change in substance: a constant, so that the same version always generates the same page.
const CHANGED: &str = "2026-11-26";

/// The page in man(7) format. `model` must be built.
pub fn page(model: &Command) -> String {
    let mut page = Roff::new();
    let source = format!("retry {}", env!("CARGO_PKG_VERSION"));
    page.control("TH", ["RETRY", "1", CHANGED, &source, "User Commands"]);
    name(&mut page, model);
    synopsis(&mut page, model);
    page.control("SH", ["DESCRIPTION"]);
    let description = model.get_long_about().map(ToString::to_string).unwrap_or_default();
    // The first paragraph is in NAME.
    paragraphs(&mut page, "PP", description.split("\n\n").skip(1));
    options(&mut page, model);
    page.control("SH", ["EXIT STATUS"]);
    table(&mut page, texts::EXIT_STATUS);
    page.control("PP", []);
    page.text(marked(texts::EXIT_BY_SIGNAL));
    page.control("SH", ["SIGNALS"]);
    paragraphs(&mut page, "PP", texts::SIGNALS.iter().copied());
    page.control("SH", ["STREAMS"]);
    paragraphs(&mut page, "PP", texts::STREAMS.iter().copied());
    page.control("SH", ["RETRY-AFTER FORMS"]);
    forms(&mut page);
    page.control("SH", ["SHARED STATE"]);
    paragraphs(&mut page, "PP", texts::SHARED_STATE.iter().copied());
    environment(&mut page, model);
    page.control("SH", ["PLATFORM DIFFERENCES"]);
    differences(&mut page);
    page.control("SH", ["EXAMPLES"]);
    examples(&mut page);
    page.control("SH", ["SEE ALSO"]);
    page.text(references(texts::SEE_ALSO));
    fill(&page.render())
}

/// The longest line of text in the page: mandoc's lint objects to longer ones.
const WIDTH: usize = 80;

/// Breaks lines of text between words. A tag (the line after TP) and an example stay on one line.
fn fill(page: &str) -> String {
    let mut filled = String::with_capacity(page.len() + page.len() / WIDTH);
    let (mut is_tag, mut is_example) = (false, false);
    for line in page.lines() {
        let is_control = line.starts_with('.');
        let mut column = 0;
        for word in line.split(' ') {
            // A line must not begin with what roff takes for a request, nor with a blank.
            let may_begin = !word.is_empty() && !word.starts_with(['.', '\'']);
            let is_full = column + 1 + word.len() > WIDTH;
            if column > 0 && is_full && may_begin && !(is_control || is_tag || is_example) {
                filled.push('\n');
                column = 0;
            } else if column > 0 {
                filled.push(' ');
                column += 1;
            }
            filled.push_str(word);
            column += word.len();
        }
        filled.push('\n');
        is_tag = line.starts_with(".TP");
        is_example = if is_control { line == ".EX" } else { is_example };
    }
    filled
}

fn name(page: &mut Roff, model: &Command) {
    let about = model.get_about().map(ToString::to_string).unwrap_or_default();
    let mut letters = about.chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    page.control("SH", ["NAME"]);
    page.text([roman(format!("retry - {first}{}", letters.as_str()))]);
}

/// The usage line: literal words bold, placeholders italic.
fn synopsis(page: &mut Roff, model: &Command) {
    page.control("SH", ["SYNOPSIS"]);
    let usage = model.get_overridden_usage().map(ToString::to_string).unwrap_or_default();
    let mut line = Vec::new();
    for (index, word) in usage.split(' ').enumerate() {
        if index > 0 {
            line.push(roman(" "));
        }
        let inner = word.trim_matches(['[', ']', '.']);
        let (before, after) = word.split_once(inner).unwrap_or_default();
        line.push(roman(before));
        line.push(if inner.chars().all(char::is_uppercase) { italic(inner) } else { bold(inner) });
        line.push(roman(after));
    }
    page.text(line);
}

fn options(page: &mut Roff, model: &Command) {
    page.control("SH", ["OPTIONS"]);
    page.text(marked(texts::DURATION));
    let flags: Vec<&Arg> = model.get_arguments().filter(|arg| !arg.is_hide_set()).collect();
    let mut groups: Vec<&str> = Vec::new();
    for group in flags.iter().filter_map(|flag| flag.get_help_heading()) {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    for group in groups {
        page.control("SS", [group]);
        for flag in flags.iter().filter(|flag| flag.get_help_heading() == Some(group)) {
            option(page, flag);
        }
    }
}

fn option(page: &mut Roff, flag: &Arg) {
    page.control("TP", []);
    page.text(names(flag));
    let help = flag.get_long_help().or_else(|| flag.get_help()).map(ToString::to_string).unwrap_or_default();
    paragraphs(page, "IP", help.split("\n\n"));
    let values = flag.get_possible_values();
    if takes_values(flag) && values.iter().any(|value| !value.is_hide_set()) {
        page.control("RS", []);
        page.control("PD", ["0"]);
        for value in values.iter().filter(|value| !value.is_hide_set()) {
            page.control("TP", ["14"]);
            page.text([bold(value.get_name())]);
            page.text(marked(&value.get_help().map(ToString::to_string).unwrap_or_default()));
        }
        page.control("PD", []);
        page.control("RE", []);
    }
}

/// `-r N, --retries N, --attempts N`
fn names(flag: &Arg) -> Vec<Inline> {
    let short = flag.get_short().map(|short| format!("-{short}"));
    let longs = flag.get_long_and_visible_aliases().unwrap_or_default();
    let mut line = Vec::new();
    for name in short.into_iter().chain(longs.iter().map(|long| format!("--{long}"))) {
        if !line.is_empty() {
            line.push(roman(", "));
        }
        let optional = flag.get_num_args().is_some_and(|values| values.min_values() == 0);
        let is_long = name.starts_with("--");
        line.push(bold(name));
        if !takes_values(flag) {
            continue;
        }
        let (before, after) = match (optional, flag.is_require_equals_set() && is_long) {
            (false, false) => (" ", ""),
            (false, true) => ("=", ""),
            (true, false) => (" [", "]"),
            (true, true) => ("[=", "]"),
        };
        line.push(roman(before));
        line.push(italic(flag.get_value_names().unwrap_or_default().join(" ")));
        line.push(roman(after));
    }
    line
}

fn takes_values(flag: &Arg) -> bool {
    flag.get_action().takes_values()
}

/// The forms that --retry-after understands, with their sources.
fn forms(page: &mut Roff) {
    page.text(marked(texts::FORMS_OF_DEMANDS));
    for form in FORMS {
        page.control("TP", []);
        page.text([bold(form.shown)]);
        page.text(marked(&format!("{}. Source: {}", form.meaning, form.source)));
    }
}

fn environment(page: &mut Roff, model: &Command) {
    page.control("SH", ["ENVIRONMENT"]);
    page.control("SS", ["Settings"]);
    page.text(marked(texts::SETTINGS));
    page.control("PP", []);
    let mut line = Vec::new();
    for flag in model.get_arguments().filter(|flag| is_setting(flag)) {
        if !line.is_empty() {
            line.push(roman(", "));
        }
        line.push(bold(format!("RETRY_{}", flag.get_id().as_str().to_ascii_uppercase())));
    }
    page.text(line);
    page.control("SS", ["Variables set for the command"]);
    table(page, texts::SEEN_BY_THE_COMMAND);
    page.control("SS", ["Other variables"]);
    table(page, texts::SET_BY_OTHERS);
}

fn examples(page: &mut Roff) {
    for (index, Example { what, command }) in texts::EXAMPLES.iter().enumerate() {
        if index > 0 {
            page.control("PP", []);
        }
        page.text([roman(format!("{what}:"))]);
        page.control("PP", []);
        page.control("RS", ["4"]);
        page.control("EX", []);
        page.text([roman(*command)]);
        page.control("EE", []);
        page.control("RE", []);
    }
}

fn table(page: &mut Roff, rows: &[Row]) {
    for Row { term, meaning } in rows {
        page.control("TP", []);
        page.text([bold(*term)]);
        page.text(marked(meaning));
    }
}

fn differences(page: &mut Roff) {
    page.text(marked(INTRODUCTION));
    for Difference { what, linux, bsd, windows } in DIFFERENCES {
        page.control("TP", []);
        page.text([bold(*what)]);
        for (index, (system, text)) in
            [("Linux", linux), ("macOS, FreeBSD", bsd), ("Windows", windows)].into_iter().enumerate()
        {
            if index > 0 {
                page.control("IP", []);
            }
            page.text(std::iter::once(italic(format!("{system}: "))).chain(marked(text)).collect::<Vec<_>>());
        }
    }
}

/// `between` separates paragraphs: PP, or IP inside a tagged paragraph.
fn paragraphs<'a>(page: &mut Roff, between: &str, texts: impl Iterator<Item = &'a str>) {
    for (index, text) in texts.enumerate() {
        if index > 0 {
            page.control(between, []);
        }
        page.text(marked(text));
    }
}

/// Text between backticks and `--flags` in bold.
fn marked(text: &str) -> Vec<Inline> {
    let mut inlines = Vec::new();
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 1 {
            inlines.push(bold(part));
            continue;
        }
        let mut rest = part;
        while let Some(start) = rest.find("--") {
            let (before, flag) = rest.split_at(start);
            let end = flag.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(flag.len());
            let (flag, after) = flag.split_at(end);
            inlines.push(roman(before));
            inlines.push(bold(flag));
            rest = after;
        }
        inlines.push(roman(rest));
    }
    inlines.retain(|inline| !matches!(inline, Inline::Roman(text) | Inline::Bold(text) if text.is_empty()));
    inlines
}

/// `timeout(1)` with its name in bold.
fn references(list: &str) -> Vec<Inline> {
    let mut line = Vec::new();
    for (index, page) in list.split(", ").enumerate() {
        if index > 0 {
            line.push(roman(", "));
        }
        let (name, section) = page.split_at(page.find('(').unwrap_or(page.len()));
        line.push(bold(name));
        line.push(roman(section));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_filled_and_tags_and_examples_are_not() {
        let long = "word ".repeat(30) + "end";
        let filled = fill(&format!(".TP\n{long}\n{long}\n.EX\n{long}\n.EE\n{long}\n.SH {long}\n"));
        let lines: Vec<&str> = filled.lines().collect();
        let of_15 = "word ".repeat(15) + "word";
        assert_eq!(lines[..4], [".TP", &long, &of_15, &("word ".repeat(14) + "end")]);
        assert_eq!(lines[4..8], [".EX", &long, ".EE", &of_15]);
        assert_eq!(filled.split_whitespace().filter(|word| *word == "end").count(), 5);
        // A request at the beginning of a line would not be text.
        let filled = fill(&format!("{} .not\n", "w".repeat(78)));
        assert_eq!(filled.lines().count(), 1, "{filled}");
    }

    #[test]
    fn flags_and_backticks_are_bold() {
        assert_eq!(
            marked("`0` with --kill-after, else"),
            [bold("0"), roman(" with "), bold("--kill-after"), roman(", else")]
        );
        assert_eq!(marked("plain"), [roman("plain")]);
    }
}
