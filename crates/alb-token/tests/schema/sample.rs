//! The configuration whose fields the parser is asked about.

use serde_json::{Value, json};

/// A good configuration with every field. At their defaults are only `mode`, which changes another one, and
/// `forwardAccessToken`.
pub(crate) fn sample() -> Value {
    let claims = json!([
        {
            "header": "x-user",
            "claim": "email",
            "format": "list",
            "keep": ["blue"],
            "stripPrefix": "b",
            "stripSuffix": "e",
            "lowercase": true,
            "encoding": "percent",
            "prefix": "a:",
            "required": false,
        },
        // The user's header has a required entry.
        {"header": "x-user", "claim": "sub"},
    ]);
    let required = json!([
        {"claim": "department", "format": "list", "anyOf": ["blue"], "ignoreCase": true},
    ]);
    let arn = |name: &str| {
        format!(
            "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/{name}/50dc6c495c0c9188"
        )
    };
    json!({
        "loadBalancers": [
            {
                "arn": arn("a"),
                "issuers": ["https://example.com"],
                "clientIds": ["client"],
                "requiredClaims": required,
                "outputClaimToHeaders": claims,
                "keyEndpoint": {"cluster": "keys", "authority": "keys.example.com", "pathPrefix": "/keys/"},
                "accessToken": {
                    "jwks": {"cluster": "jwks", "authority": "idp.example.com", "path": "/jwks.json"},
                    "audiences": ["api"],
                    "subject": "uid",
                },
            },
            {"arn": arn("b"), "issuers": ["https://example.com"], "clientIds": ["client"]},
        ],
        "outputClaimToHeaders": claims,
        "stripHeaders": ["x-secret"],
        "requiredClaims": required,
        "emailVerified": "ignored",
        "allowMissingToken": [
            {"path": "/healthz", "methods": ["GET"], "hosts": ["example.com"], "withHeader": "x-probe"},
        ],
        "logout": {"path": "/logout", "location": "https://example.com/", "hosts": ["example.com"]},
        "forwardToken": true,
        // `true` is an error together with `forwardToken`.
        "forwardAccessToken": false,
        "forwardSessionCookies": true,
        "sessionCookies": ["Session"],
        "mode": "enforce",
        "clockSkew": "1s",
        "maxTokenBytes": 2048,
        "publicKeys": {
            "fetchTimeout": "1s",
            "refreshInterval": "2h",
            "maxStale": "1h",
            "negativeTtl": "2s",
            "maxKeys": 2,
            "maxPendingFetches": 2,
            "maxWaitingRequests": 2,
            "maxWait": "1s",
        },
        "tokenCache": {"maxBytes": 0},
        "signatureBackend": "wasm",
    })
}
