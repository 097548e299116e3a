//! JSON laid out to be read, with nothing changed that was signed: numbers, escapes, the order of
//! members and duplicates stay as they were written.

use serde::Serialize;
use serde::de::IgnoredAny;

use crate::failure::Failure;
use crate::terminal::Page;

/// A report for scripts.
pub(crate) fn page(report: &impl Serialize) -> Result<Page, Failure> {
    let json = serde_json::to_string(report).map_err(std::io::Error::from)?;
    let mut page = Page::new();
    page.lines(&pretty(&json).unwrap_or(json));
    Ok(page)
}

/// The text laid out; `None` where it is no JSON.
pub(crate) fn pretty(json: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(json).ok()?;
    let mut layout = Layout::default();
    let mut chars = json.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        match c {
            '"' => {
                let mut is_escaped = false;
                let end = chars.find(|(_, c)| {
                    let is_end = *c == '"' && !is_escaped;
                    is_escaped = *c == '\\' && !is_escaped;
                    is_end
                });
                let end = end.map_or(json.len(), |(end, _)| end + 1);
                layout.put(json.get(start..end)?);
            }
            '{' | '[' => layout.open(c),
            '}' | ']' => layout.close(c),
            ',' => layout.separate(),
            ':' => layout.put(": "),
            ' ' | '\n' | '\r' | '\t' => {}
            c => layout.put(c.encode_utf8(&mut [0; 4])),
        }
    }
    Some(layout.text)
}

#[derive(Default)]
struct Layout {
    text: String,
    depth: usize,
    /// Whether an opening bracket is the last that was put.
    is_fresh: bool,
}

impl Layout {
    fn put(&mut self, text: &str) {
        if self.is_fresh {
            self.new_line();
        }
        self.is_fresh = false;
        self.text.push_str(text);
    }

    fn open(&mut self, bracket: char) {
        self.put(bracket.encode_utf8(&mut [0; 4]));
        self.depth += 1;
        self.is_fresh = true;
    }

    fn close(&mut self, bracket: char) {
        self.depth -= 1;
        if !self.is_fresh {
            self.new_line();
        }
        self.is_fresh = false;
        self.text.push(bracket);
    }

    fn separate(&mut self) {
        self.text.push(',');
        self.new_line();
    }

    fn new_line(&mut self) {
        self.text.push('\n');
        self.text.push_str(&"  ".repeat(self.depth));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blanks_change() {
        let cases = [
            ("1.50e+2", "1.50e+2"),
            ("{}", "{}"),
            ("[ ]", "[]"),
            (
                r#"{"b":1,"a":[12345678901234567890123,"x\"}\\"],"a":{ }}"#,
                "{\n  \"b\": 1,\n  \"a\": [\n    12345678901234567890123,\n    \"x\\\"}\\\\\"\n  ],\n  \"a\": {}\n}",
            ),
        ];
        for (json, expected) in cases {
            assert_eq!(pretty(json).as_deref(), Some(expected));
        }
        for bad in ["", "{", "{} {}", "nul", "\"\u{1}\""] {
            assert_eq!(pretty(bad), None, "{bad:?}");
        }
    }
}
