//! What a token says where a configuration refuses it.

use alb_authn::reason::Rejection;

use super::Inspection;
use super::members::Members;
use crate::config_file::quoted;

impl Inspection {
    /// A sentence on why the filter would answer `rejection`, where the token shows it. As unverified as the token.
    pub(crate) fn detail(&self, rejection: Rejection) -> Option<String> {
        let fault = self
            .faults
            .iter()
            .find(|fault| fault.reason == rejection.name());
        if let Some(fault) = fault {
            return Some(fault.message.clone());
        }
        match rejection {
            Rejection::UntrustedSigner => self.says("signer"),
            Rejection::WrongIssuer => self.says("iss"),
            Rejection::WrongClient => self.says("client"),
            Rejection::TokenExpired => self.expiries(),
            Rejection::InvalidSignature => Some(
                "The token was changed, or --key is not the key that its `kid` names.".to_owned(),
            ),
            Rejection::MissingClaim | Rejection::UnusableClaim | Rejection::ClaimMismatch => {
                let claims = self.claims.as_ref()?;
                Some(format!("Its claims are {claims}."))
            }
            Rejection::UnverifiedEmail => {
                let claims = Members::parse(self.claims.as_ref()?.as_bytes())?;
                let said = claims.raw("email_verified").unwrap_or("absent");
                Some(format!("Its `email_verified` is {said}."))
            }
            _ => None,
        }
    }

    /// The member of the header, and of the claims where it differs.
    fn says(&self, name: &str) -> Option<String> {
        let text = |json: &Option<String>| Members::parse(json.as_ref()?.as_bytes())?.text(name);
        let in_header = text(&self.header)?;
        let in_claims = text(&self.claims).filter(|text| *text != in_header);
        let also = in_claims.map(|text| format!(", that of its claims {}", quoted(&text)));
        Some(format!(
            "Its `{name}` is {}{}.",
            quoted(&in_header),
            also.unwrap_or_default()
        ))
    }

    fn expiries(&self) -> Option<String> {
        let ends = self
            .times
            .iter()
            .filter(|time| time.name.starts_with("exp "));
        let ends: Vec<String> = ends
            .map(|time| {
                let date = time.date.as_deref().unwrap_or("beyond the calendar");
                format!("{} is {date} ({})", time.name, time.distance)
            })
            .collect();
        (!ends.is_empty()).then(|| format!("Its {}.", ends.join(", ")))
    }
}
