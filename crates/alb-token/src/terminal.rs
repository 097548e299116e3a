//! What reaches the terminal: text that can't command it, coloured where a person reads.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

use clap::builder::styling::{AnsiColor, Style};

use crate::failure::Failure;

/// How a line is meant.
#[derive(Clone, Copy)]
pub(crate) enum Tone {
    Plain,
    Good,
    Caution,
    Bad,
    Title,
}

impl Tone {
    fn style(self) -> Style {
        let colour = |colour: AnsiColor| colour.on_default().bold();
        match self {
            Self::Plain => Style::new(),
            Self::Good => colour(AnsiColor::Green),
            Self::Caution => colour(AnsiColor::Yellow),
            Self::Bad => colour(AnsiColor::Red),
            Self::Title => Style::new().bold(),
        }
    }
}

/// Lines for standard output, written at once.
pub(crate) struct Page {
    text: String,
    is_coloured: bool,
}

impl Page {
    pub(crate) fn new() -> Self {
        // https://no-color.org: set and not empty.
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            text: String::new(),
            is_coloured: io::stdout().is_terminal() && !no_color,
        }
    }

    pub(crate) fn line(&mut self, text: &str) {
        self.words(&[(Tone::Plain, text)]);
    }

    /// Several lines of our own making.
    pub(crate) fn lines(&mut self, text: &str) {
        text.lines().for_each(|line| self.line(line));
    }

    /// A line of differently meant words, as they are, without spaces between them.
    pub(crate) fn words(&mut self, words: &[(Tone, &str)]) {
        for (tone, word) in words {
            let word = harmless(word);
            let style = tone.style();
            // Writing to a string does not fail.
            let _ = if self.is_coloured {
                write!(self.text, "{style}{word}{style:#}")
            } else {
                self.text.write_str(&word)
            };
        }
        self.text.push('\n');
    }

    /// Writes all of it. Trouble is wrong usage (status 2): status 1 is a verdict, which nobody saw.
    pub(crate) fn print(self) -> Result<(), Failure> {
        let mut stdout = io::stdout();
        let written = stdout.write_all(self.text.as_bytes());
        written
            .and_then(|()| stdout.flush())
            .map_err(|error| Failure::Usage(format!("can't write to standard output: {error}")))
    }
}

/// The text without what a terminal obeys: control characters (line ends too), and those that turn or hide
/// text, become JSON's escapes.
///
/// Tokens and files come from others. Escape sequences in a claim could rewrite the verdict above it.
pub(crate) fn harmless(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    for c in text.chars() {
        if !(c.is_control() || hides_text(c)) {
            harmless.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                harmless.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    harmless
}

/// Zero-width and direction characters, line separators, and tags.
fn hides_text(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        let cases = [
            ("a\nb", "a\\u000ab"),
            ("\u{1b}[2J", "\\u001b[2J"),
            ("\r\t\u{7f}\u{9b}", "\\u000d\\u0009\\u007f\\u009b"),
            ("x\u{202e}y\u{200b}", "x\\u202ey\\u200b"),
            ("\u{e0041}", "\\udb40\\udc41"),
            ("é 日本 😀", "é 日本 😀"),
        ];
        for (text, expected) in cases {
            assert_eq!(harmless(text), expected, "{text:?}");
        }
    }
}
