//! Whether an access token is that of the user's token beside it, as far as both say.

use super::Inspection;
use super::access::CLIENT_CLAIMS;
use super::members::Members;
use crate::config_file::quoted;

impl Inspection {
    /// The key id that the protected header names.
    pub(crate) fn kid(&self) -> Option<String> {
        members(&self.header)?.text("kid")
    }

    /// The first thing in which this access token differs from the user's token that it must name.
    pub(crate) fn differs_from(&self, users: &Self) -> Option<String> {
        let access = members(&self.claims)?;
        let header = members(&users.header)?;
        let subject = members(&users.claims).and_then(|claims| claims.text("sub"));
        // Okta's authorization servers write the login name as `sub`, and the user's id as `uid`.
        let subject = subject.filter(|subject| access.text("uid").as_ref() != Some(subject));
        let client = CLIENT_CLAIMS
            .iter()
            .map(|name| (*name, "client", header.text("client")));
        let pairs = [("iss", "iss", header.text("iss"))].into_iter();
        let pairs = pairs.chain([("sub", "sub", subject)]).chain(client);
        pairs
            .filter_map(|(name, users_name, expected)| {
                let said = access.text(name)?;
                let other = expected.filter(|expected| *expected != said)?;
                Some(format!(
                    "Its `{name}` is {}, but `{users_name}` of the user's token is {}.",
                    quoted(&said),
                    quoted(&other)
                ))
            })
            .next()
    }
}

fn members(json: &Option<String>) -> Option<Members> {
    Members::parse(json.as_ref()?.as_bytes())
}
