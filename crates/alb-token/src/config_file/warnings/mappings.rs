//! Which claim becomes which header, over all load balancers.

use super::{Warning, claim_name, load_balancers};
use crate::config_file::value::Value;

/// The identity provider lets users write these themselves, often without any check.
const EDITABLE: [&str; 5] = ["upn", "preferred_username", "username", "nickname", "name"];

pub(super) fn warnings(config: &Value) -> Vec<Warning> {
    let lists = lists(config);
    let mut found = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for list in &lists {
        // One list may hold for several load balancers.
        if !seen.contains(&list.path.as_str()) {
            found.extend(list.editable());
            found.extend(list.other_first_header(&lists));
            seen.push(&list.path);
        }
    }
    found.extend(shared_prefixes(&lists));
    found
}

/// The list that holds for one load balancer.
struct List<'a> {
    path: String,
    /// Whether the load balancer has it for itself.
    is_own: bool,
    /// Empty for the filter's default.
    entries: &'a [Value],
}

/// One for each load balancer, in their order.
fn lists(config: &Value) -> Vec<List<'_>> {
    load_balancers(config)
        .iter()
        .enumerate()
        .map(|(i, load_balancer)| {
            let own = load_balancer.member("outputClaimToHeaders");
            let list = own.or_else(|| config.member("outputClaimToHeaders"));
            List {
                path: match own {
                    Some(_) => format!("loadBalancers[{i}].outputClaimToHeaders"),
                    None => "outputClaimToHeaders".to_owned(),
                },
                is_own: own.is_some(),
                entries: list.map_or(&[], Value::items),
            }
        })
        .collect()
}

impl List<'_> {
    /// The header that names the user.
    fn first_header(&self) -> String {
        self.entries.first().map_or_else(default_header, header)
    }

    fn editable(&self) -> Vec<Warning> {
        let user = self.first_header();
        let entries = self.entries.iter().enumerate();
        entries
            .filter(|(_, entry)| header(entry) == user)
            .filter_map(|(i, entry)| {
                let claim = claim_name(entry).filter(|claim| EDITABLE.contains(claim))?;
                let message = format!(
                    "users can often edit {claim} at the identity provider, and emailVerified doesn't apply to it; \
                     prefer email or sub for the user's header"
                );
                Some((format!("{}[{i}].claim", self.path), message))
            })
            .collect()
    }

    fn other_first_header(&self, lists: &[Self]) -> Option<Warning> {
        let (ours, first) = (self.first_header(), lists.first()?.first_header());
        (ours != first).then(|| {
            let message = format!(
                "the user's header is {ours} here and {first} for loadBalancers[0]: applications and policies must \
                 know both"
            );
            (format!("{}[0].header", self.path), message)
        })
    }

    /// Each header that is filled with the claim's own value, and the prefix. Of a fixed `value` nobody expects to
    /// tell users apart.
    fn filled(&self) -> Vec<(String, String)> {
        if self.entries.is_empty() {
            return vec![(default_header(), String::new())];
        }
        let prefix = |entry: &Value| {
            entry
                .member("prefix")
                .and_then(Value::as_str)
                .unwrap_or("")
                .to_owned()
        };
        let pair = |entry: &Value| (header(entry), prefix(entry));
        let entries = self.entries.iter();
        entries
            .filter(|entry| entry.member("value").is_none())
            .map(pair)
            .collect()
    }
}

/// Two load balancers' users that the applications can't tell apart.
fn shared_prefixes(lists: &[List<'_>]) -> Vec<Warning> {
    let mut found = Vec::new();
    for (i, list) in lists.iter().enumerate() {
        let filled = list.filled();
        for (other, earlier) in lists.iter().enumerate().take(i) {
            let theirs = earlier.filled();
            let mut shared = filled.iter().filter(|pair| theirs.contains(pair));
            if let Some((header, _)) = shared.next() {
                let path = match list.is_own {
                    true => list.path.clone(),
                    false => format!("loadBalancers[{i}]"),
                };
                let message = format!(
                    "fills {header} with the same prefix as loadBalancers[{other}]: two users with one value of the \
                     claim are one user to the applications"
                );
                found.push((path, message));
                break;
            }
        }
    }
    found
}

fn default_header() -> String {
    "kubeflow-userid".to_owned()
}

/// The header's name as servers fold it.
fn header(entry: &Value) -> String {
    let name = entry.member("header").and_then(Value::as_str);
    name.unwrap_or("").to_ascii_lowercase().replace('_', "-")
}
