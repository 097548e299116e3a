//! A map that holds so many bytes; the oldest entries leave first, for they expire first.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::rc::Rc;

/// What counts towards the bound.
pub(super) trait Weighed {
    /// Bytes of memory, rounded up.
    fn bytes(&self) -> usize;
}

pub(super) struct Bounded<K, V> {
    max_bytes: usize,
    bytes: usize,
    entries: HashMap<K, Rc<V>>,
    oldest_first: VecDeque<K>,
}

impl<K: Copy + Eq + Hash, V: Weighed> Bounded<K, V> {
    /// Empty; 0 bytes keep nothing.
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            bytes: 0,
            entries: HashMap::new(),
            oldest_first: VecDeque::new(),
        }
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.max_bytes > 0
    }

    pub(super) fn get(&self, key: K) -> Option<&Rc<V>> {
        self.entries.get(&key)
    }

    pub(super) fn insert(&mut self, key: K, value: Rc<V>) {
        let bytes = value.bytes();
        if bytes > self.max_bytes {
            return;
        }
        while self.bytes.saturating_add(bytes) > self.max_bytes {
            self.remove_oldest();
        }
        self.bytes = self.bytes.saturating_add(bytes);
        match self.entries.insert(key, value) {
            // It keeps its place in the line.
            Some(replaced) => self.bytes = self.bytes.saturating_sub(replaced.bytes()),
            None => self.oldest_first.push_back(key),
        }
    }

    pub(super) fn retain(&mut self, stays: impl Fn(&V) -> bool) {
        self.entries.retain(|_, value| stays(value));
        self.oldest_first
            .retain(|key| self.entries.contains_key(key));
        self.bytes = self.entries.values().map(|value| value.bytes()).sum();
    }

    fn remove_oldest(&mut self) {
        let removed = self
            .oldest_first
            .pop_front()
            .and_then(|key| self.entries.remove(&key));
        // With nothing left the count is zero, whatever it was: the loop above must end.
        self.bytes = removed.map_or(0, |value| self.bytes.saturating_sub(value.bytes()));
    }
}

#[cfg(test)]
impl<K, V> Bounded<K, V> {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Of the map and of the line.
    pub(super) fn lengths(&self) -> (usize, usize) {
        (self.entries.len(), self.oldest_first.len())
    }
}
