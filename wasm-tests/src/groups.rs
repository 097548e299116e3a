//! Groups from the access token, and tables of access tokens.

use serde_json::{Value, json};

use crate::access_token::GROUPS;
use crate::alb::USER;
use crate::refusal::assert_refused;
use crate::running::Running;

/// The plugin of [`Scenario::groups`](crate::Scenario::groups) that goes on without groups if the access token
/// does not hold.
pub const OPTIONAL: usize = 0;
/// The plugin that rejects the request then.
pub const REQUIRED: usize = 1;

const GROUPS_HEADER: &str = "kubeflow-groups";

/// `outputClaimToHeaders` with the user, and the access token's groups in `kubeflow-groups`.
pub fn groups_required(required: bool) -> Value {
    json!({"outputClaimToHeaders": [
        {"header": "kubeflow-userid", "claim": "email"},
        {
            "header": GROUPS_HEADER,
            "claim": "cognito:groups",
            "source": "accessToken",
            "format": "list",
            "required": required,
        },
    ]})
}

impl Running {
    /// Fails unless each access token beside `token` is judged as it must be: a name, the access token, and the
    /// reason of its rejection, which is empty if it holds. For a scenario with
    /// [`groups`](crate::Scenario::groups). Each is sent twice: what holds is cached then.
    #[track_caller]
    pub fn assert_access_tokens(&self, token: &str, cases: &[(&str, String, &str)]) {
        for (name, access_token, reason) in cases {
            for attempt in ["first", "second"] {
                let case = format!("{name}, {attempt}");
                self.assert_access_token(token, access_token, reason, &case);
            }
        }
    }

    #[track_caller]
    fn assert_access_token(&self, token: &str, access_token: &str, reason: &str, case: &str) {
        let send = |plugin| {
            let request = self.request_to(plugin, "GET", "/").token(token);
            request.access_token(access_token).send()
        };
        let groups = GROUPS.join(",");
        let expected = if reason.is_empty() {
            vec![groups.as_str()]
        } else {
            vec![]
        };
        let optional = send(OPTIONAL);
        let echo = optional.try_echo();
        let echo = echo.unwrap_or_else(|| panic!("{case}: {}", optional.reason()));
        assert_eq!(echo.values("kubeflow-userid"), [USER], "{case}");
        assert_eq!(echo.values(GROUPS_HEADER), expected, "{case}");
        assert!(!echo.has("x-amzn-oidc-accesstoken"), "{case}");
        let required = send(REQUIRED);
        match required.try_echo() {
            Some(echo) => assert_eq!(echo.values(GROUPS_HEADER), expected, "{case}"),
            None => assert_refused(&required, reason, case),
        }
    }
}
