//! What the page lets a visitor try, through the stand-in load balancer: with a script at one click, without
//! one by links.

use super::escape;

struct Attack {
    title: &'static str,
    what: &'static str,
    /// What the page's script sends, a JSON object.
    headers: &'static str,
    /// The same as a link, where one can do it.
    link: Option<&'static str>,
    answer: &'static str,
}

const ATTACKS: [Attack; 10] = [
    Attack {
        title: "Forged signature",
        what: "everything in the token is right, but the attacker signed it with a key of their own",
        headers: r#"{"x-standin-attack":"forged"}"#,
        link: Some("/?attack=forged"),
        answer: "invalid_signature",
    },
    Attack {
        title: "Another load balancer",
        what: "a real token with a good signature, from a load balancer in the attacker's account",
        headers: r#"{"x-standin-attack":"other-alb"}"#,
        link: Some("/?attack=other-alb"),
        answer: "untrusted_signer",
    },
    Attack {
        title: "Expired token",
        what: "a good token of an hour ago, out of somebody's log",
        headers: r#"{"x-standin-attack":"expired"}"#,
        link: Some("/?attack=expired"),
        answer: "token_expired",
    },
    Attack {
        title: "Spoofed header",
        what: "logged in, and claims to be mallory@example.com in kubeflow-userid and kubeflow_userid",
        headers: r#"{"kubeflow-userid":"mallory@example.com","kubeflow_userid":"mallory@example.com"}"#,
        link: None,
        answer: "still you",
    },
    Attack {
        title: "No token",
        what: "not logged in, and claims to be mallory@example.com in kubeflow-userid",
        headers: r#"{"x-standin-user":"anonymous","kubeflow-userid":"mallory@example.com"}"#,
        link: Some("/?as=anonymous"),
        answer: "missing_token",
    },
    Attack {
        title: "Another user's access token",
        what: "logged in, with the access token of admin@example.com, who is in the group admins",
        headers: r#"{"x-standin-attack":"access-other-user"}"#,
        link: Some("/?attack=access-other-user"),
        answer: ACCESS_TOKEN_ANSWER,
    },
    Attack {
        title: "Another client's access token",
        what: "logged in, with an access token of one's own from another application of the user pool, which says admins",
        headers: r#"{"x-standin-attack":"access-other-client"}"#,
        link: Some("/?attack=access-other-client"),
        answer: ACCESS_TOKEN_ANSWER,
    },
    Attack {
        title: "Expired access token",
        what: "logged in, with an access token of two hours ago, when the user was in the group admins",
        headers: r#"{"x-standin-attack":"access-expired"}"#,
        link: Some("/?attack=access-expired"),
        answer: ACCESS_TOKEN_ANSWER,
    },
    Attack {
        title: "ID token",
        what: "logged in, with the user pool's ID token, which says admins, in place of the access token",
        headers: r#"{"x-standin-attack":"access-id-token"}"#,
        link: Some("/?attack=access-id-token"),
        answer: ACCESS_TOKEN_ANSWER,
    },
    Attack {
        title: "Forged access token",
        what: "logged in, with an access token that says admins, signed with a key of the attacker's own",
        headers: r#"{"x-standin-attack":"access-forged"}"#,
        link: Some("/?attack=access-forged"),
        answer: ACCESS_TOKEN_ANSWER,
    },
];

/// Groups are optional in the demo's configuration: without an access token that holds there are none.
const ACCESS_TOKEN_ANSWER: &str = "still you, and in no group";

/// Sent by the page when it loads: name, value.
const SENT: [(&str, &str); 7] = [
    ("kubeflow-userid", "mallory@example.com"),
    ("kubeflow_userid", "mallory@example.com"),
    ("kubeflow-groups", "admins"),
    ("x-webauth-role", "Admin"),
    ("x_webauth_role", "Admin"),
    ("x-amzn-oidc-identity", "mallory"),
    ("x-anything-else", "hello"),
];

/// The part of the page between the identity and the headers; `user` is who the gateway says the visitor is.
pub(super) fn render(user: &str) -> String {
    format!(
        "<p>Be <a href=\"/?as=alice@example.com\">alice@example.com</a> or \
         <a href=\"/?as=bob@example.com\">bob@example.com</a>: the stand-in load balancer asks for no password.</p>\n\
         <h2>What the filter removes</h2>\n\
         <p>When this page opened it sent a request of its own with these headers. What the application got:</p>\n\
         <table id=\"sent\">\n<tr><th>Sent</th><th>Value</th><th>At the application</th></tr>\n{}</table>\n\
         <p id=\"sent-error\"></p>\n\
         <h2>Attacks</h2>\n<table id=\"attacks\">\n<tr><th></th><th>What it is</th><th>The gateway's answer</th></tr>\n\
         {}</table>\n<noscript><p>Without a script, by links:</p>\n<ul>\n{}</ul></noscript>",
        SENT.iter().map(sent_row).collect::<String>(),
        ATTACKS
            .iter()
            .map(|attack| attack.row(user))
            .collect::<String>(),
        ATTACKS.iter().map(Attack::link_item).collect::<String>(),
    )
}

fn sent_row((name, value): &(&str, &str)) -> String {
    format!(
        "<tr data-name=\"{name}\" data-value=\"{value}\"><td><code>{name}</code></td><td><code>{value}</code></td>\
         <td></td></tr>\n"
    )
}

impl Attack {
    fn row(&self, user: &str) -> String {
        format!(
            "<tr data-headers=\"{}\" data-still=\"{}\"><td><button type=\"button\">{}</button></td>\
             <td>{}</td><td></td></tr>\n",
            escape(self.headers),
            escape(user),
            escape(self.title),
            escape(self.what),
        )
    }

    fn link_item(&self) -> String {
        self.link.map_or_else(String::new, |link| {
            format!(
                "<li><a href=\"{link}\">{}</a>: <code>{}</code></li>\n",
                escape(self.title),
                self.answer
            )
        })
    }
}
