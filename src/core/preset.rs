//! The exit codes that well-known tools use for passing trouble. Owns the table and its sources.
//!
//! Sources: curl's docs/libcurl/libcurl-errors and EXITCODES (its own `--retry` covers only part of
//! these), wget(1) "EXIT STATUS" (4 is every network failure), ssh(1) (255 is every error of ssh's
//! own), rsync's errcode.h, sysexits.h.

/// A named set of exit codes. Each one includes time limits.
#[derive(Debug, PartialEq, Eq)]
pub struct Preset {
    /// What is written in a set: `--retry-on curl`.
    pub name: &'static str,
    /// The codes.
    pub codes: &'static [u8],
}

/// All presets.
pub const PRESETS: &[Preset] = &[
    // 5, 6: DNS; 7: connect; 16, 92: HTTP/2; 18: partial; 28: timeout; 35: TLS connect; 52: empty reply;
    // 55, 56: send and receive; 95, 96: HTTP/3 and QUIC.
    Preset { name: "curl", codes: &[5, 6, 7, 16, 18, 28, 35, 52, 55, 56, 92, 95, 96] },
    Preset { name: "wget", codes: &[4] },
    Preset { name: "ssh", codes: &[255] },
    // 10: socket I/O; 12: protocol stream; 30: timeout in data; 35: timeout on connect.
    Preset { name: "rsync", codes: &[10, 12, 30, 35] },
    // EX_TEMPFAIL: "the user is invited to retry the operation".
    Preset { name: "tempfail", codes: &[75] },
];
