//! The requests that wait for keys and key sets, and the order of these by who waits for them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::{FetchTarget, KeyId, KeyRef, StreamId};
use crate::key_source::{SetId, SourceId};
use crate::time::{Span, UnixTime};

/// Tokens of waiting requests and what is kept of their headers, together: what a
/// flood can make the VM hold.
pub(super) const MAX_WAITING_BYTES: usize = 32 * 1024 * 1024;

/// Bounded in number and bytes.
pub(super) struct Waiters {
    max_requests: usize,
    max_wait: Duration,
    waiters: HashMap<StreamId, Waiter>,
    groups: HashMap<FetchTarget, Group>,
    endpoints: usize,
    /// For each endpoint, and then for each key set, its keys from the one that fewest wait for to the one that most wait for.
    ranking: Vec<BTreeSet<Rank>>,
    bytes: usize,
    last_number: u64,
    /// No waiter's wait ends sooner; a waiter that left may have had it.
    first_deadline: Option<Span>,
}

struct Waiter {
    target: FetchTarget,
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
    /// `None` for a key set.
    kid: Option<KeyId>,
}

impl Group {
    fn rank(&self, target: FetchTarget) -> Option<Rank> {
        let (first, _) = self.streams.first_key_value()?;
        Some(Rank {
            waiters: self.streams.len(),
            asked: self.asked,
            first: Reverse(*first),
            kid: match target {
                FetchTarget::Key(key) => Some(key.kid),
                FetchTarget::KeySet(_) => None,
            },
        })
    }
}

/// What a newcomer finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Free,
    /// The room is full, and these requests have to go for the newcomer.
    InPlaceOf(Vec<StreamId>),
    Full,
}

/// Requests that are answered and not yet resumed, which retain memory like those that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) number: usize,
    pub(super) bytes: usize,
}

/// The first `most` keys of a ranking, of equals the oldest first: it has the greatest rank of them.
fn least_of(ranking: &BTreeSet<Rank>, most: usize) -> Vec<Rank> {
    let mut least: Vec<Rank> = Vec::new();
    let mut rest = ranking.iter().next();
    while let Some(first) = rest {
        let last_of_equals = Rank {
            first: Reverse(0),
            ..*first
        };
        let equals = ranking.range(..=last_of_equals).rev();
        let equals =
            equals.take_while(|rank| (rank.waiters, rank.asked) == (first.waiters, first.asked));
        least.extend(equals.take(most.saturating_sub(least.len())));
        if least.len() >= most {
            break;
        }
        rest = ranking.range(last_of_equals..).next();
    }
    least
}

/// A request that has left.
pub(super) struct Left {
    pub(super) target: FetchTarget,
    pub(super) bytes: usize,
    pub(super) was_last: bool,
}

impl Waiters {
    pub(super) fn new(
        endpoints: usize,
        key_sets: usize,
        max_requests: usize,
        max_wait: Duration,
    ) -> Self {
        Self {
            max_requests,
            max_wait,
            waiters: HashMap::new(),
            groups: HashMap::new(),
            endpoints,
            ranking: vec![BTreeSet::new(); endpoints.saturating_add(key_sets)],
            bytes: 0,
            last_number: 0,
            first_deadline: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Whether a request for `target` that retains `bytes` may wait next to `answered` requests, if at most
    /// `most_victims` go for it.
    pub(super) fn room_for(
        &self,
        target: FetchTarget,
        bytes: usize,
        answered: Answered,
        most_victims: usize,
    ) -> Room {
        let number = self.waiters.len().saturating_add(answered.number);
        let retained = self.bytes.saturating_add(answered.bytes);
        if number < self.max_requests && retained.saturating_add(bytes) <= MAX_WAITING_BYTES {
            return Room::Free;
        }
        let mut victims = Vec::new();
        let mut left = self.bytes;
        for stream in self.least_wanted(target, most_victims) {
            left = left.saturating_sub(self.waiters.get(&stream).map_or(0, |w| w.bytes));
            victims.push(stream);
            if left.saturating_add(bytes) <= MAX_WAITING_BYTES {
                return Room::InPlaceOf(victims);
            }
        }
        Room::Full
    }

    /// The longest-waiting requests of the keys that fewest wait for, in this order, up to those for which as few
    /// wait as for `newcomer`.
    fn least_wanted(&self, newcomer: FetchTarget, most: usize) -> Vec<StreamId> {
        let own = self.groups.get(&newcomer);
        let is_less_wanted = |rank: &Rank| {
            own.is_none_or(|own| (rank.waiters, rank.asked) < (own.streams.len(), own.asked))
        };
        let mut groups: Vec<(Rank, FetchTarget)> = Vec::new();
        // A key set that hangs fills the room with its requests, and these must not push out those that wait for a
        // load balancer's key.
        let first_place = match newcomer {
            FetchTarget::Key(_) => 0,
            FetchTarget::KeySet(_) => self.endpoints,
        };
        for (place, ranking) in self.ranking.iter().enumerate().skip(first_place) {
            let least = least_of(ranking, most).into_iter().filter(is_less_wanted);
            groups.extend(least.map(|rank| (rank, self.target(place, rank.kid))));
        }
        groups.sort_unstable_by_key(|(rank, _)| (rank.waiters, rank.asked, rank.first.0));
        let streams = groups
            .into_iter()
            .filter_map(|(_, target)| self.groups.get(&target));
        streams
            .flat_map(|group| group.streams.values().copied())
            .take(most)
            .collect()
    }

    /// Where the keys of a target are ranked.
    fn place(&self, target: FetchTarget) -> usize {
        match target {
            FetchTarget::Key(key) => key.source.0,
            FetchTarget::KeySet(set) => self.endpoints.saturating_add(set.0),
        }
    }

    fn target(&self, place: usize, kid: Option<KeyId>) -> FetchTarget {
        match kid {
            Some(kid) => FetchTarget::Key(KeyRef {
                source: SourceId(place),
                kid,
            }),
            None => FetchTarget::KeySet(SetId(place.saturating_sub(self.endpoints))),
        }
    }

    /// A request begins to wait, or waits on: all its waiting since `since` counts.
    pub(super) fn insert(
        &mut self,
        stream: StreamId,
        target: FetchTarget,
        bytes: usize,
        since: UnixTime,
    ) {
        let wait = Span::new(since, self.max_wait);
        self.last_number = self.last_number.wrapping_add(1);
        let number = self.last_number;
        self.change(target, |group| {
            group.streams.insert(number, stream);
            group.asked = group.asked.saturating_add(1);
        });
        self.waiters.insert(
            stream,
            Waiter {
                target,
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
    pub(super) fn record_full(&mut self, target: FetchTarget) {
        if self.groups.contains_key(&target) {
            self.change(target, |group| group.asked = group.asked.saturating_add(1));
        }
    }

    pub(super) fn remove(&mut self, stream: StreamId) -> Option<Left> {
        let waiter = self.waiters.remove(&stream)?;
        self.bytes = self.bytes.saturating_sub(waiter.bytes);
        if self.waiters.is_empty() {
            self.first_deadline = None;
        }
        self.change(waiter.target, |group| {
            group.streams.remove(&waiter.number);
        });
        Some(Left {
            target: waiter.target,
            bytes: waiter.bytes,
            was_last: !self.groups.contains_key(&waiter.target),
        })
    }

    /// Changes a target's group and its place in the ranking; an empty group goes.
    fn change(&mut self, target: FetchTarget, change: impl FnOnce(&mut Group)) {
        let place = self.place(target);
        let Some(ranking) = self.ranking.get_mut(place) else {
            return;
        };
        let group = self.groups.entry(target).or_default();
        if let Some(rank) = group.rank(target) {
            ranking.remove(&rank);
        }
        change(group);
        match group.rank(target) {
            Some(rank) => {
                ranking.insert(rank);
            }
            None => {
                self.groups.remove(&target);
            }
        }
    }

    /// The requests that wait for this, the longest-waiting first.
    pub(super) fn of_target(&self, target: FetchTarget) -> Vec<StreamId> {
        let group = self.groups.get(&target);
        group
            .into_iter()
            .flat_map(|group| group.streams.values().copied())
            .collect()
    }

    /// The endpoint's keys that are waited for, from the one that most requests wait for.
    pub(super) fn most_wanted(&self, endpoint: usize) -> impl Iterator<Item = KeyRef> {
        let ranking = self.ranking.get(endpoint).into_iter().flatten().rev();
        ranking.filter_map(move |rank| {
            Some(KeyRef {
                source: SourceId(endpoint),
                kid: rank.kid?,
            })
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
