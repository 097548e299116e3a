//! Why a command ended early.

use std::fmt;
use std::io;

/// Why a command ended.
pub(crate) enum Failure {
    /// The arguments can't be used.
    Usage(String),
    /// The operating system failed to read, write or listen.
    Io(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => f.write_str(message),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
