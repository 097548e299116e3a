//! What leaves the store when it is full.

use super::entry::Entry;
use super::{KeyRef, KeyStore};

/// How many idle entries (only a back-off or "no such key") are kept besides those in use. When full, the
/// one that expires soonest is evicted. Each costs under 300 bytes.
pub(super) const MAX_IDLE: usize = 4096;

impl KeyStore {
    /// Keys that never verified a token go first, then the least recently used; never `newest`, so that
    /// a rotated key always gets in. `false`: there is no key to evict.
    pub(super) fn evict_key(&mut self, newest: Option<KeyRef>) -> bool {
        let candidates = self.entries.iter().filter(|(key, _)| Some(**key) != newest);
        let worst = candidates
            .filter_map(|(key, entry)| Some((entry.key()?, *key)))
            .min_by_key(|(cached, _)| (cached.is_proven, cached.last_used))
            .map(|(_, key)| key);
        if let Some(key) = worst {
            self.remove_key(key);
        }
        worst.is_some()
    }

    pub(super) fn remove_key(&mut self, key: KeyRef) {
        if let Some(cached) = self.entries.get_mut(&key).and_then(Entry::take_key) {
            self.key_count = self.key_count.saturating_sub(1);
            self.dropped.push_back(cached.key);
        }
        self.remove_if_empty(key);
    }

    /// Keeps [`MAX_IDLE`] entries beside those that hold a key or are waited for.
    pub(super) fn bound_entries(&mut self) {
        let in_use = self
            .limits
            .max_keys
            .saturating_add(self.limits.max_waiting_requests);
        if self.entries.len() <= in_use.saturating_add(MAX_IDLE) {
            return;
        }
        let idle = self.entries.iter().filter(|(_, entry)| entry.is_idle());
        let soonest = idle
            .min_by_key(|(_, entry)| entry.blocked_until())
            .map(|(key, _)| *key);
        if let Some(key) = soonest {
            self.entries.remove(&key);
        }
    }

    pub(super) fn remove_if_empty(&mut self, key: KeyRef) {
        if self.entries.get(&key).is_some_and(Entry::is_empty) {
            self.entries.remove(&key);
        }
    }
}
