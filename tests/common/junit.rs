//! A JUnit file as a tree, and what the schemas that readers of such files publish want of it: Maven Surefire's
//! (surefire-test-report.xsd) and the one of Jenkins' xUnit plugin (junit-10.xsd).

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Default)]
pub struct Element {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
    /// Without the blanks around it.
    pub text: String,
    pub children: Vec<Element>,
}

/// What an element may be: its attributes (a `*` before those that it must have), the elements in it.
const ELEMENTS: &[(&str, &[&str], &[&str])] = &[
    (
        "testsuites",
        &["*name", "*tests", "*failures", "*errors", "skipped", "*time", "*timestamp"],
        &["testsuite"],
    ),
    (
        "testsuite",
        &["*name", "*tests", "*failures", "*errors", "*skipped", "*time", "*timestamp"],
        &["properties", "testcase"],
    ),
    ("properties", &[], &["property"]),
    ("property", &["*name", "*value"], &[]),
    (
        "testcase",
        &["*name", "*classname", "*time", "*timestamp"],
        &["failure", "rerunFailure", "flakyFailure"],
    ),
    ("failure", &["*message", "*type"], &[]),
    ("rerunFailure", &["*message", "*type", "*timestamp", "time"], &[]),
    ("flakyFailure", &["*message", "*type", "*timestamp", "time"], &[]),
];

impl Element {
    /// The one element of a document.
    pub fn read(document: &str) -> Self {
        assert!(document.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"), "{document}");
        let mut reader = Reader::from_str(document);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().unwrap_or_else(|error| panic!("{error}: {document}")) {
                Event::Start(start) => open.push(Self::begin(&start)),
                Event::Empty(start) => open.last_mut().unwrap().children.push(Self::begin(&start)),
                Event::End(_) => {
                    let ended = open.pop().unwrap();
                    open.last_mut().unwrap().children.push(ended);
                }
                Event::Text(text) => {
                    open.last_mut().unwrap().text.push_str(text.decode().unwrap().trim());
                }
                Event::Decl(_) => {}
                Event::Eof => break,
                other => panic!("{other:?}: {document}"),
            }
        }
        let mut document = open.pop().unwrap();
        assert!(open.is_empty() && document.children.len() == 1, "{document:?}");
        document.children.remove(0)
    }

    fn begin(start: &BytesStart<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let attributes = start.attributes().map(|attribute| {
            let attribute = attribute.unwrap();
            let value = text(&attribute.value);
            (text(attribute.key.as_ref()), quick_xml::escape::unescape(&value).unwrap().into_owned())
        });
        Self { name: text(start.name().as_ref()), attributes: attributes.collect(), ..Self::default() }
    }

    /// An attribute that has to be there.
    pub fn get(&self, name: &str) -> &str {
        self.attributes.get(name).unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }

    /// An attribute of each child with that name.
    pub fn of_each(&self, child: &str, attribute: &str) -> Vec<&str> {
        self.children.iter().filter(|one| one.name == child).map(|one| one.get(attribute)).collect()
    }

    /// Checks a file with one test case against the schemas, and its totals against what is in it.
    pub fn is_junit(&self) {
        assert_eq!((self.name.as_str(), self.children.len()), ("testsuites", 1), "{self:?}");
        self.is_of_the_schema();
        let suite = &self.children[0];
        let names: Vec<&str> = suite.children.iter().map(|child| child.name.as_str()).collect();
        assert_eq!(names, ["properties", "testcase"]);
        let case = &suite.children[1];
        let failures = case.of_each("failure", "type").len().to_string();
        for totals in [self, suite] {
            let count = |name| totals.get(name);
            assert_eq!(
                (count("name"), count("tests"), count("skipped"), count("errors")),
                ("retry", "1", "0", "0")
            );
            assert_eq!(count("failures"), failures);
            assert_eq!((count("time"), count("timestamp")), (case.get("time"), case.get("timestamp")));
        }
        // A test is flaky or it has failed; reruns are of one that has.
        let kinds: Vec<&str> = case.children.iter().map(|child| child.name.as_str()).collect();
        match kinds.split_first() {
            Some((&"failure", reruns)) => {
                assert!(reruns.iter().all(|kind| *kind == "rerunFailure"), "{kinds:?}");
            }
            _ => assert!(kinds.iter().all(|kind| *kind == "flakyFailure"), "{kinds:?}"),
        }
    }

    fn is_of_the_schema(&self) {
        let known = ELEMENTS.iter().find(|(name, ..)| *name == self.name);
        let (_, attributes, children) = known.unwrap_or_else(|| panic!("{self:?}"));
        for attribute in *attributes {
            if let Some(needed) = attribute.strip_prefix('*') {
                self.get(needed);
            }
        }
        for (name, value) in &self.attributes {
            assert!(attributes.iter().any(|known| known.trim_start_matches('*') == name), "{name}: {self:?}");
            match name.as_str() {
                // Of Surefire's pattern, what every reader takes: seconds with three decimals.
                "time" => {
                    let (whole, part) = value.split_once('.').unwrap_or_else(|| panic!("{value}"));
                    assert!(whole.parse::<u64>().is_ok() && part.len() == 3 && part.parse::<u64>().is_ok());
                }
                "timestamp" => {
                    humantime::parse_rfc3339(value).unwrap_or_else(|error| panic!("{value}: {error}"));
                }
                "tests" | "failures" | "errors" | "skipped" => {
                    value.parse::<u64>().unwrap_or_else(|error| panic!("{value}: {error}"));
                }
                _ => {}
            }
        }
        for child in &self.children {
            assert!(children.contains(&child.name.as_str()), "{} in {}", child.name, self.name);
            child.is_of_the_schema();
        }
        assert!(self.text.is_empty() || self.name == "failure", "{self:?}");
    }
}
