//! Reading files, standard input, and tokens.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::Path;

use crate::failure::Failure;

/// Larger than any manifest or key, and small enough to read at once.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Twice the longest token that the filter can be told to look at.
const MAX_TOKEN_BYTES: u64 = 128 * 1024;

/// A file's text, or standard input's for `-`. `argument` names it in errors.
pub(crate) fn text(argument: &str, file: &Path) -> Result<String, Failure> {
    let bytes = bytes(argument, file)?;
    String::from_utf8(bytes).map_err(|_| unusable(argument, file, "is not UTF-8 text"))
}

/// A file's bytes, or standard input's for `-`.
pub(crate) fn bytes(argument: &str, file: &Path) -> Result<Vec<u8>, Failure> {
    let read = if is_stdin(file) {
        read_at_most(io::stdin().lock(), MAX_FILE_BYTES)
    } else {
        File::open(file).and_then(|opened| read_at_most(opened, MAX_FILE_BYTES))
    };
    let bytes =
        read.map_err(|error| unusable(argument, file, &format!("can't be read: {error}")))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(unusable(argument, file, "is larger than 16 MiB"));
    }
    Ok(bytes)
}

pub(crate) fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// The token: the argument, or standard input where it is absent or `-`.
///
/// Whitespace around it is no part of it: HTTP takes them off a header's value too (RFC 9110 section
/// 5.5), and copying adds them.
pub(crate) fn token(argument: Option<&str>) -> Result<Vec<u8>, Failure> {
    if let Some(token) = argument.filter(|token| *token != "-") {
        return Ok(token.as_bytes().trim_ascii().to_vec());
    }
    let stdin = io::stdin();
    if stdin.is_terminal() {
        eprintln!("alb-token: reading the token from standard input; end it with Ctrl-D");
    }
    let token = read_at_most(stdin.lock(), MAX_TOKEN_BYTES)
        .map_err(|error| unusable("TOKEN", Path::new("-"), &format!("can't be read: {error}")))?;
    Ok(token.trim_ascii().to_vec())
}

fn unusable(argument: &str, file: &Path, why: &str) -> Failure {
    Failure::Usage(format!("{argument} {}: {why}", file.display()))
}

/// One byte more than `limit` where there are more.
fn read_at_most(source: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
