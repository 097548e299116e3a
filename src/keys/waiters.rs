//! The requests that wait for keys, and the order of the keys by who waits for them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::{KeyId, KeyRef, StreamId};
use crate::key_source::SourceId;
use crate::time::{Span, UnixTime};

/// Tokens of waiting requests and what is kept of their headers, together: what a
/// flood can make the VM hold.
pub(super) const MAX_WAITING_BYTES: usize = 32 * 1024 * 1024;

/// Bounded in number and bytes.
pub(super) struct Waiters {
    max_requests: usize,
    max_wait: Duration,
    waiters: HashMap<StreamId, Waiter>,
    groups: HashMap<KeyRef, Group>,
    /// For each endpoint, its keys from the one that fewest wait for to the one that most wait for.
    ranking: Vec<BTreeSet<Rank>>,
    bytes: usize,
    last_number: u64,
    /// No waiter's wait ends sooner; a waiter that left may have had it.
    first_deadline: Option<Span>,
}

struct Waiter {
    key: KeyRef,
    number: u64,
    wait: Span,
    bytes: usize,
}

/// The waiters of one key, by their numbers: the longest-waiting first.
#[derive(Default)]
struct Group {
    streams: BTreeMap<u64, StreamId>,
    /// Requests that asked for the key, those that found no room included. Real users ask again and again
    /// for the load balancer's new key; a flood of invented key ids asks once for each.
    asked: u32,
}

/// Few waiters, asked for by few, young: the least. Of equal keys the older one is fetched first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    waiters: usize,
    asked: u32,
    first: Reverse<u64>,
    kid: KeyId,
}

impl Group {
    fn rank(&self, kid: KeyId) -> Option<Rank> {
        let (first, _) = self.streams.first_key_value()?;
        Some(Rank {
            waiters: self.streams.len(),
            asked: self.asked,
            first: Reverse(*first),
            kid,
        })
    }
}

/// What a newcomer finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Free,
    /// The room is full, and this request has to go for the newcomer.
    InPlaceOf(StreamId),
    Full,
}

/// A request that has left.
pub(super) struct Left {
    pub(super) key: KeyRef,
    pub(super) bytes: usize,
    pub(super) was_last: bool,
}

impl Waiters {
    pub(super) fn new(endpoints: usize, max_requests: usize, max_wait: Duration) -> Self {
        Self {
            max_requests,
            max_wait,
            waiters: HashMap::new(),
            groups: HashMap::new(),
            ranking: vec![BTreeSet::new(); endpoints],
            bytes: 0,
            last_number: 0,
            first_deadline: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Whether a request for `key` that retains `bytes` may wait beside `answered` requests that are still to be
    /// resumed and retain `answered_bytes`.
    pub(super) fn room_for(
        &self,
        key: KeyRef,
        bytes: usize,
        answered: usize,
        answered_bytes: usize,
    ) -> Room {
        let number = self.waiters.len().saturating_add(answered);
        let all_bytes = self
            .bytes
            .saturating_add(answered_bytes)
            .saturating_add(bytes);
        if number < self.max_requests && all_bytes <= MAX_WAITING_BYTES {
            return Room::Free;
        }
        let Some((stream, waiter)) = self.least_wanted(key) else {
            return Room::Full;
        };
        let freed = self.bytes.saturating_sub(waiter.bytes);
        if freed.saturating_add(bytes) <= MAX_WAITING_BYTES {
            Room::InPlaceOf(stream)
        } else {
            Room::Full
        }
    }

    /// The longest-waiting request of the key that fewest wait for, unless `newcomer` is such a key.
    fn least_wanted(&self, newcomer: KeyRef) -> Option<(StreamId, &Waiter)> {
        let least = |(endpoint, ranking): (usize, &BTreeSet<Rank>)| {
            let least = ranking.first()?;
            // Of the equals the oldest, which has the greatest rank of them.
            let most_of_equals = Rank {
                first: Reverse(0),
                ..*least
            };
            let oldest = ranking.range(..=most_of_equals).next_back()?;
            Some((
                *oldest,
                KeyRef {
                    source: SourceId(endpoint),
                    kid: oldest.kid,
                },
            ))
        };
        let lowest_first = |rank: &Rank| (rank.waiters, rank.asked, Reverse(rank.first));
        let (rank, key) = self
            .ranking
            .iter()
            .enumerate()
            .filter_map(least)
            .min_by_key(|(rank, _)| lowest_first(rank))?;
        let own = self.groups.get(&newcomer);
        if own.is_some_and(|own| (own.streams.len(), own.asked) <= (rank.waiters, rank.asked)) {
            return None;
        }
        let stream = *self.groups.get(&key)?.streams.first_key_value()?.1;
        Some((stream, self.waiters.get(&stream)?))
    }

    pub(super) fn insert(&mut self, stream: StreamId, key: KeyRef, bytes: usize, now: UnixTime) {
        let wait = Span::new(now, self.max_wait);
        self.last_number = self.last_number.wrapping_add(1);
        let number = self.last_number;
        self.change(key, |group| {
            group.streams.insert(number, stream);
            group.asked = group.asked.saturating_add(1);
        });
        self.waiters.insert(
            stream,
            Waiter {
                key,
                number,
                wait,
                bytes,
            },
        );
        self.bytes = self.bytes.saturating_add(bytes);
        let first = self
            .first_deadline
            .filter(|first| first.end() <= wait.end());
        self.first_deadline = first.or(Some(wait));
    }

    /// A request for this key found no room.
    pub(super) fn record_full(&mut self, key: KeyRef) {
        if self.groups.contains_key(&key) {
            self.change(key, |group| group.asked = group.asked.saturating_add(1));
        }
    }

    pub(super) fn remove(&mut self, stream: StreamId) -> Option<Left> {
        let waiter = self.waiters.remove(&stream)?;
        self.bytes = self.bytes.saturating_sub(waiter.bytes);
        if self.waiters.is_empty() {
            self.first_deadline = None;
        }
        self.change(waiter.key, |group| {
            group.streams.remove(&waiter.number);
        });
        Some(Left {
            key: waiter.key,
            bytes: waiter.bytes,
            was_last: !self.groups.contains_key(&waiter.key),
        })
    }

    /// Changes a key's group and its place in the ranking; an empty group goes.
    fn change(&mut self, key: KeyRef, change: impl FnOnce(&mut Group)) {
        let Some(ranking) = self.ranking.get_mut(key.source.0) else {
            return;
        };
        let group = self.groups.entry(key).or_default();
        if let Some(rank) = group.rank(key.kid) {
            ranking.remove(&rank);
        }
        change(group);
        match group.rank(key.kid) {
            Some(rank) => {
                ranking.insert(rank);
            }
            None => {
                self.groups.remove(&key);
            }
        }
    }

    /// The requests that wait for this key, the longest-waiting first.
    pub(super) fn of_key(&self, key: KeyRef) -> Vec<StreamId> {
        let group = self.groups.get(&key);
        group
            .into_iter()
            .flat_map(|group| group.streams.values().copied())
            .collect()
    }

    /// The endpoint's keys that are waited for, from the one that most requests wait for.
    pub(super) fn most_wanted(&self, endpoint: usize) -> impl Iterator<Item = KeyRef> {
        let ranking = self.ranking.get(endpoint).into_iter().flatten().rev();
        ranking.map(move |rank| KeyRef {
            source: SourceId(endpoint),
            kid: rank.kid,
        })
    }

    /// The requests that have waited for too long. Looks at all only when the first deadline may be over.
    pub(super) fn overdue(&mut self, now: UnixTime) -> Vec<StreamId> {
        if self.first_deadline.is_none_or(|first| !first.is_over(now)) {
            return Vec::new();
        }
        let waits = self.waiters.values().map(|waiter| waiter.wait);
        let others = waits.filter(|wait| !wait.is_over(now));
        self.first_deadline = others.min_by_key(|wait| wait.end());
        let overdue = self
            .waiters
            .iter()
            .filter(|(_, waiter)| waiter.wait.is_over(now));
        overdue.map(|(stream, _)| *stream).collect()
    }

    pub(super) fn next_deadline(&self) -> Option<UnixTime> {
        self.first_deadline.map(Span::end)
    }
}
