//! Files of reports, line by line. A file may be appended to while we read: what was there when we opened it
//! counts, so that a busy file has an end.

use super::line::{self, NoRun};
use super::tally::Stats;
use crate::platform::input_file;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The longest line that is read, in bytes. A report of ten thousand attempts has a few million.
const LONGEST_LINE: u64 = 16 << 20;

/// The name for stdin.
const STDIN: &str = "-";

/// What is worth saying about a file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// Not all of its lines are runs.
    LeftOut(PathBuf, LeftOut),
    /// It is one of those before it.
    ReadAlready(PathBuf),
}

/// Lines that are no runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Lines of the file, without empty ones.
    pub lines: u64,
    /// Those that are no report.
    pub damaged: Lines,
    /// Those of another version.
    pub other_version: Lines,
    /// Whether the last line has no end and is no report yet.
    pub unfinished: bool,
}

/// Some lines of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lines {
    /// How many.
    pub count: u64,
    /// The number of the first of them, from 1; 0 if there is none.
    pub first: u64,
}

impl Lines {
    fn add(&mut self, number: u64) {
        self.count += 1;
        self.first = if self.count == 1 { number } else { self.first };
    }
}

/// A file that could not be read.
#[derive(Debug)]
pub struct ReadError {
    /// Its name as it was given; `-` is stdin.
    pub path: PathBuf,
    /// What the system answered.
    pub error: io::Error,
}

/// Adds up the runs of these files, `-` for stdin.
///
/// # Errors
/// The first file that could not be read.
pub fn read(paths: &[PathBuf]) -> Result<(Stats, Vec<Remark>), ReadError> {
    let (mut stats, mut remarks, mut seen) = (Stats::default(), Vec::new(), HashSet::new());
    for path in paths {
        let failed = |error| ReadError { path: path.clone(), error };
        let file = open(path).map_err(failed)?;
        let mut size = u64::MAX;
        if let Some(identity) = input_file::identity(&file).map_err(failed)? {
            if !seen.insert(identity) {
                remarks.push(Remark::ReadAlready(path.clone()));
                continue;
            }
            // Files of the kernel say that they are empty.
            size = Some(file.metadata().map_err(failed)?.len()).filter(|size| *size > 0).unwrap_or(size);
        }
        let left_out = read_one(file.take(size), &mut stats).map_err(failed)?;
        if left_out.damaged.count + left_out.other_version.count > 0 || left_out.unfinished {
            remarks.push(Remark::LeftOut(path.clone(), left_out));
        }
    }
    Ok((stats, remarks))
}

fn open(path: &Path) -> io::Result<File> {
    if path == Path::new(STDIN) {
        return input_file::stdin();
    }
    File::open(path)
}

fn read_one(input: impl Read, stats: &mut Stats) -> io::Result<LeftOut> {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let (mut left_out, mut line, mut number) = (LeftOut::default(), Vec::new(), 0);
    loop {
        line.clear();
        input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(left_out);
        }
        number += 1;
        let has_end = line.ends_with(b"\n");
        let is_cut = !has_end && line.len() as u64 == LONGEST_LINE;
        if is_cut {
            input.skip_until(b'\n')?;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        left_out.lines += 1;
        match line::parse(&line) {
            Ok(run) => stats.add(&run),
            Err(NoRun::OtherVersion) => left_out.other_version.add(number),
            Err(NoRun::Damaged) if has_end || is_cut => left_out.damaged.add(number),
            Err(NoRun::Damaged) => left_out.unfinished = true,
        }
    }
}
