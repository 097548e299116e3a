//! The rules for all lists of `outputClaimToHeaders` together, and what each entry has to know of the others.
//!
//! Each rule is here because a reasonable configuration would otherwise give a user another identity or group.

use super::claims::{ReadEntry, ReadList};
use crate::config::reader::Node;
use crate::config::{
    ClaimPath, EmailVerified, Encoding, Format, HeaderEntry, HeaderPolicy, SYSTEM_PREFIX,
};
use crate::header_name::{HeaderName, same_when_folded};

/// All lists of a configuration.
pub(super) struct Lists<'a> {
    lists: Vec<ReadList<'a>>,
    email_verified: EmailVerified,
}

impl<'a> Lists<'a> {
    /// Notes every broken rule at the entry that breaks it.
    pub(super) fn checked(lists: Vec<ReadList<'a>>, email_verified: EmailVerified) -> Self {
        let all = Self {
            lists,
            email_verified,
        };
        for (position, entry) in all.entries().enumerate() {
            if let Some(node) = &entry.node {
                all.check_against_earlier(position, entry, node);
                all.check_entry(entry, node);
            }
        }
        for list in &all.lists {
            check_user_headers(list);
        }
        all
    }

    fn entries(&self) -> impl Iterator<Item = &ReadEntry<'a>> {
        self.lists.iter().flatten()
    }

    /// The entries of the whole configuration for this header.
    fn for_header(&self, header: &HeaderName) -> impl Iterator<Item = &ReadEntry<'a>> {
        self.entries()
            .filter(|entry| entry.mapping.header.folds_with(header.as_str().as_bytes()))
    }

    fn check_against_earlier(&self, position: usize, entry: &ReadEntry<'a>, node: &Node<'a>) {
        let own = &entry.mapping;
        let earlier = self.entries().take(position);
        let same_header = |other: &&ReadEntry<'a>| {
            let name = other.mapping.header.as_str();
            own.header.folds_with(name.as_bytes())
        };
        let Some(other) = earlier.filter(same_header).last() else {
            return;
        };
        if other.mapping.header != own.header {
            node.problem_at::<()>("header", ANOTHER_SPELLING);
        }
        if other.mapping.separator != own.separator {
            let message = "expected the separator of the other entries for this header";
            node.problem_at::<()>("separator", message);
        }
    }

    fn check_entry(&self, entry: &ReadEntry<'a>, node: &Node<'a>) {
        let own = &entry.mapping;
        let is_list = self.writes_lists(&own.header);
        if is_list && own.prefix.contains(own.separator) {
            let message = "expected no separator in it: an entry for this header has elements";
            node.problem_at::<()>("prefix", message);
        }
        if self.reserves_system(&own.header) {
            let message = "expected no system: at the start: Kubernetes' own names begin with it";
            for (field, text) in [("prefix", Some(&own.prefix)), ("value", own.value.as_ref())] {
                if text.is_some_and(|text| text.starts_with(SYSTEM_PREFIX)) {
                    node.problem_at::<()>(field, message);
                }
            }
        }
    }

    fn writes_lists(&self, header: &HeaderName) -> bool {
        self.for_header(header)
            .any(|entry| entry.mapping.format != Format::Text)
    }

    /// Headers whose values are users or groups to Kubeflow, to Kubernetes' authenticating proxy or to
    /// impersonation, and the user's header of any list.
    fn reserves_system(&self, header: &HeaderName) -> bool {
        const NAMES: [&str; 5] = [
            "kubeflow-groups",
            "x-remote-user",
            "x-remote-group",
            "impersonate-user",
            "impersonate-group",
        ];
        NAMES.iter().any(|name| header.folds_with(name.as_bytes())) || self.names_the_user(header)
    }

    /// Whether it is the user's header of some list, or Kubeflow's: its readers take it for one name.
    fn names_the_user(&self, header: &HeaderName) -> bool {
        let mut users = self.lists.iter().filter_map(|list| list.first());
        is_kubeflow_user(header)
            || users.any(|user| header.folds_with(user.mapping.header.as_str().as_bytes()))
    }

    fn encodes(&self, header: &HeaderName) -> bool {
        self.for_header(header)
            .any(|entry| entry.mapping.encoding == Encoding::Percent)
    }

    /// `emailVerified`.
    pub(super) fn email_verified(&self) -> EmailVerified {
        self.email_verified
    }

    /// Every header that some entry may fill.
    pub(super) fn headers(&self) -> impl Iterator<Item = HeaderName> {
        self.entries().map(|entry| entry.mapping.header.clone())
    }

    /// A header that is not mapped but stripped is written as the mappings write it.
    pub(super) fn check_spelling(&self, node: &Node<'_>, header: HeaderName) -> Option<HeaderName> {
        let is_other =
            |entry: &ReadEntry<'a>| entry.node.is_some() && entry.mapping.header != header;
        if self.for_header(&header).any(is_other) {
            return node.problem(ANOTHER_SPELLING);
        }
        Some(header)
    }

    /// The headers of one list, in order; the first names the user.
    pub(super) fn policies(&self, list: &ReadList<'a>) -> Vec<HeaderPolicy> {
        let mut policies: Vec<HeaderPolicy> = Vec::new();
        for entry in list {
            let own = &entry.mapping;
            let header_entry = self.header_entry(entry);
            if let Some(known) = policies.iter_mut().find(|known| known.name == own.header) {
                known.required |= own.required;
                known.entries.push(header_entry);
                continue;
            }
            policies.push(HeaderPolicy {
                required: own.required,
                separator: own.separator,
                takes_one_value: self.names_the_user(&own.header),
                strings_are_elements: self.writes_lists(&own.header)
                    || own.header.folds_with(b"kubeflow-groups"),
                readers_decode: self.encodes(&own.header),
                reserves_system: self.reserves_system(&own.header),
                entries: vec![header_entry],
                name: own.header.clone(),
            });
        }
        policies
    }

    fn header_entry(&self, entry: &ReadEntry<'a>) -> HeaderEntry {
        let own = &entry.mapping;
        let prefixes = self.for_header(&own.header).map(|e| &e.mapping.prefix);
        let mut foreign_prefixes: Vec<String> = prefixes
            .filter(|prefix| !prefix.is_empty() && **prefix != own.prefix)
            .cloned()
            .collect();
        foreign_prefixes.sort_unstable();
        foreign_prefixes.dedup();
        HeaderEntry {
            email_rule: email_rule(&own.claim, self.email_verified),
            mapping: own.clone(),
            foreign_prefixes,
        }
    }
}

/// Readers that fold names would see one header twice.
const ANOTHER_SPELLING: &str = "expected the spelling of an earlier entry for this header (case is ignored, and _ is read as -)";

/// What `emailVerified` asks of this claim.
pub(super) fn email_rule(claim: &ClaimPath, configured: EmailVerified) -> EmailVerified {
    if claim.is_top_level("email") {
        configured
    } else {
        EmailVerified::Ignored
    }
}

const KUBEFLOW_USER: &str = "kubeflow-userid";

fn is_kubeflow_user(header: &HeaderName) -> bool {
    header.folds_with(KUBEFLOW_USER.as_bytes())
}

/// A header that names the user must be set on every request that passes: behind the filter nobody asks again.
fn check_user_headers(list: &ReadList<'_>) {
    let Some(first) = list.first() else { return };
    let user = first.mapping.header.as_str().as_bytes();
    for (position, entry) in list.iter().enumerate() {
        let header = &entry.mapping.header;
        let name = header.as_str().as_bytes();
        let Some(node) = &entry.node else { continue };
        if !same_when_folded(name, user) && !is_kubeflow_user(header) {
            continue;
        }
        if entry.mapping.value.is_some() {
            let message =
                "expected no value in a header that names the user: everybody would be one user";
            node.problem_at::<()>("value", message);
        }
        let is_first = list
            .iter()
            .take(position)
            .all(|earlier| !earlier.mapping.header.folds_with(name));
        let mut same = list.iter().filter(|e| e.mapping.header.folds_with(name));
        if is_first && !same.any(|entry| entry.mapping.required) {
            let message = "expected true in an entry for a header that names the user";
            node.problem_at::<()>("required", message);
        }
    }
}
