//! A request's headers as they arrived: names and values in order, duplicates kept, bytes as bytes.

/// Borrowed header pairs. Names come in lower case from Envoy.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a>(&'a [(&'a [u8], &'a [u8])]);

impl<'a> Headers<'a> {
    /// Wraps the pairs.
    pub const fn new(pairs: &'a [(&'a [u8], &'a [u8])]) -> Self {
        Self(pairs)
    }

    /// All pairs in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        self.0.iter().copied()
    }

    /// The values of the header with exactly this name (given in lower case).
    pub fn all(&self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.iter()
            .filter(move |(other, _)| other.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// Is there such a header?
    pub fn contains(&self, name: &'a str) -> bool {
        self.all(name).next().is_some()
    }

    /// `:method`; empty if it is absent.
    pub fn method(&self) -> &'a str {
        self.text(":method")
    }

    /// `:path` with its query; empty if it is absent or not ASCII.
    pub fn path(&self) -> &'a str {
        self.text(":path")
    }

    /// `:authority`; empty if it is absent.
    pub fn authority(&self) -> &'a str {
        self.text(":authority")
    }

    fn text(&self, name: &'a str) -> &'a str {
        let value = self.all(name).next().unwrap_or_default();
        if value.is_ascii() {
            std::str::from_utf8(value).unwrap_or_default()
        } else {
            ""
        }
    }
}
