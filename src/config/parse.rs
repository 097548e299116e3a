//! From JSON to the typed configuration, field by field.

use std::rc::Rc;
use std::time::Duration;

use super::json::Json;
use super::reader::{Node, Object, Problem, Problems};
use super::{
    Allowed, ClaimPath, ClaimToHeader, Config, EmailVerified, KeyLimits, LoadBalancer, Logout,
    Mode, RequiredClaim, SignatureBackend,
};
use crate::alb::{AlbArn, KeyEndpoint};
use crate::header_name::HeaderName;
use crate::routes::{self, HostName, LogoutRoute, PathRule, PublicRoute};

/// Removed from every request whatever the configuration maps: Kubeflow trusts them.
const ALWAYS_STRIPPED: [&str; 2] = ["kubeflow-userid", "kubeflow-groups"];

/// In observe mode nothing is refused, so nothing should be delayed for long either.
const MAX_WAIT_IN_OBSERVE: Duration = Duration::from_millis(500);

pub(super) fn parse(json: &[u8]) -> Result<Config, Vec<Problem>> {
    if json.is_empty() {
        return Err(vec![Problem::new(
            "pluginConfig",
            "required, but absent; expected an object with loadBalancers",
        )]);
    }
    let json: Json = serde_json::from_slice(json)
        .map_err(|e| vec![Problem::new("pluginConfig", format!("expected JSON: {e}"))])?;
    let problems = Problems::default();
    let config = Node::root(&json, &problems).object().and_then(read_config);
    match (config, problems.into_vec()) {
        (Some(config), problems) if problems.is_empty() => Ok(config),
        (_, problems) => Err(problems),
    }
}

fn read_config(mut root: Object<'_>) -> Option<Config> {
    let global = GlobalClaims {
        output: root.or("outputClaimToHeaders", default_output(), read_output),
        required: root.or("requiredClaims", Vec::new(), read_required_claims),
        email_verified: root.or("emailVerified", EmailVerified::Required, |node| {
            node.choice(&[
                ("required", EmailVerified::Required),
                ("ifPresent", EmailVerified::IfPresent),
                ("ignored", EmailVerified::Ignored),
            ])
        }),
    };
    let mut endpoints = Vec::new();
    let load_balancers = root.required("loadBalancers", |node| {
        read_load_balancers(node, &global, &mut endpoints)
    });
    let strip_headers = root.or("stripHeaders", Vec::new(), |node| {
        node.list(0..=usize::MAX, folded, read_assignable_header)
    });
    let mode = root.or("mode", Mode::Enforce, |node| {
        node.choice(&[("enforce", Mode::Enforce), ("observe", Mode::Observe)])
    });
    let config = Config {
        stripped: stripped(&global, load_balancers.as_ref(), strip_headers),
        load_balancers: load_balancers.unwrap_or_default(),
        key_endpoints: endpoints,
        allow_missing_token: root.or("allowMissingToken", Vec::new(), |node| {
            node.list(0..=usize::MAX, Clone::clone, read_public_route)
        }),
        logout: root.optional("logout").and_then(|node| read_logout(&node)),
        forward_token: root.or("forwardToken", false, Node::boolean),
        forward_session_cookies: root.or("forwardSessionCookies", false, Node::boolean),
        session_cookies: root.or(
            "sessionCookies",
            vec!["AWSELBAuthSessionCookie".to_owned()],
            |node| node.list(1..=16, Clone::clone, read_cookie_name),
        ),
        mode,
        clock_skew: root.or("clockSkew", Duration::from_secs(30), |n| {
            n.duration("0s"..="5m")
        }),
        max_token_bytes: root.or("maxTokenBytes", 16_384, |n| n.integer(1024..=65_536)),
        public_keys: read_key_limits(&mut root, mode),
        token_cache_bytes: read_token_cache(&mut root),
        signature_backend: root.or("signatureBackend", SignatureBackend::Auto, |node| {
            node.choice(&[
                ("auto", SignatureBackend::Auto),
                ("host", SignatureBackend::Host),
                ("wasm", SignatureBackend::Wasm),
            ])
        }),
    };
    root.finish();
    Some(config)
}

/// What holds for every load balancer unless it says otherwise.
struct GlobalClaims {
    output: Vec<ClaimToHeader>,
    required: Vec<RequiredClaim>,
    email_verified: EmailVerified,
}

fn default_output() -> Vec<ClaimToHeader> {
    let header = HeaderName::parse("kubeflow-userid");
    header
        .map(|header| ClaimToHeader {
            header,
            claim: ClaimPath::Name("email".to_owned()),
            prefix: String::new(),
            lowercase: false,
            required: true,
        })
        .into_iter()
        .collect()
}

fn folded(header: &HeaderName) -> String {
    header.as_str().replace('_', "-")
}

fn stripped(
    global: &GlobalClaims,
    load_balancers: Option<&Vec<Rc<LoadBalancer>>>,
    strip_headers: Vec<HeaderName>,
) -> Vec<HeaderName> {
    let own = load_balancers
        .into_iter()
        .flatten()
        .flat_map(|lb| &lb.output_claim_to_headers);
    let mapped = global
        .output
        .iter()
        .chain(own)
        .map(|mapping| mapping.header.clone());
    let always = ALWAYS_STRIPPED.into_iter().filter_map(HeaderName::parse);
    let mut all: Vec<HeaderName> = Vec::new();
    for header in always.chain(mapped).chain(strip_headers) {
        if !all
            .iter()
            .any(|known| known.folds_with(header.as_str().as_bytes()))
        {
            all.push(header);
        }
    }
    all
}

fn read_load_balancers(
    node: &Node<'_>,
    global: &GlobalClaims,
    endpoints: &mut Vec<KeyEndpoint>,
) -> Option<Vec<Rc<LoadBalancer>>> {
    let nodes = node.items()?;
    if !(1..=64).contains(&nodes.len()) {
        return node.problem("expected 1 to 64 items");
    }
    let mut load_balancers: Vec<Rc<LoadBalancer>> = Vec::new();
    for node in nodes {
        let Some(object) = node.object() else {
            continue;
        };
        if let Some(load_balancer) = read_load_balancer(object, global, endpoints, &load_balancers)
        {
            load_balancers.push(Rc::new(load_balancer));
        }
    }
    load_balancers.sort_unstable_by(|a, b| a.arn.cmp(&b.arn));
    Some(load_balancers)
}

fn read_load_balancer(
    mut object: Object<'_>,
    global: &GlobalClaims,
    endpoints: &mut Vec<KeyEndpoint>,
    earlier: &[Rc<LoadBalancer>],
) -> Option<LoadBalancer> {
    let arn = object.required("arn", |node| {
        let arn = read_arn(node)?;
        if earlier.iter().any(|load_balancer| load_balancer.arn == arn) {
            return node.problem("expected no duplicate of an earlier load balancer");
        }
        Some(arn)
    });
    let issuers = object.required("issuers", read_allowed);
    let client_ids = object.required("clientIds", read_allowed);
    let own_required = object.or("requiredClaims", Vec::new(), read_required_claims);
    let output = object.or("outputClaimToHeaders", global.output.clone(), read_output);
    let endpoint = read_key_endpoint(&mut object, arn.as_ref());
    object.finish();
    let required_claims = [global.required.as_slice(), own_required.as_slice()].concat();
    Some(LoadBalancer {
        email_verified: effective_email_verified(global.email_verified, &output, &required_claims),
        arn: arn?,
        issuers: issuers?,
        client_ids: client_ids?,
        endpoint: index_of(endpoints, endpoint?),
        output_claim_to_headers: output,
        required_claims,
    })
}

fn effective_email_verified(
    configured: EmailVerified,
    output: &[ClaimToHeader],
    required: &[RequiredClaim],
) -> EmailVerified {
    let mut claims = output
        .iter()
        .map(|o| &o.claim)
        .chain(required.iter().map(|required| &required.claim));
    if claims.any(|claim| claim.is_top_level("email")) {
        configured
    } else {
        EmailVerified::Ignored
    }
}

fn index_of(endpoints: &mut Vec<KeyEndpoint>, endpoint: KeyEndpoint) -> usize {
    match endpoints.iter().position(|known| *known == endpoint) {
        Some(index) => index,
        None => {
            endpoints.push(endpoint);
            endpoints.len().saturating_sub(1)
        }
    }
}

fn read_arn(node: &Node<'_>) -> Option<AlbArn> {
    AlbArn::parse(node.text()?).or_else(|| {
        node.problem(
            "expected an application load balancer's full ARN, \
             arn:PARTITION:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/app/NAME/ID",
        )
    })
}

fn read_allowed(node: &Node<'_>) -> Option<Allowed> {
    let values = node.list(1..=usize::MAX, Clone::clone, |item| {
        item.text_that("a non-empty string without control characters", |text| {
            !text.is_empty() && !has_control(text)
        })
    })?;
    if !values.iter().any(|value| value == "*") {
        return Some(Allowed::OneOf(values));
    }
    if values.len() == 1 {
        Some(Allowed::Any)
    } else {
        node.problem("expected \"*\" to stand alone")
    }
}

fn read_key_endpoint(object: &mut Object<'_>, arn: Option<&AlbArn>) -> Option<KeyEndpoint> {
    let documented = arn.and_then(KeyEndpoint::documented);
    let given = object.optional("keyEndpoint");
    let mut cluster = None;
    let mut authority = None;
    let mut path_prefix = None;
    if let Some(node) = &given {
        let mut fields = node.object()?;
        cluster = fields.optional("cluster").map(|n| {
            n.text_that("the name of an Envoy cluster", |t| {
                !t.is_empty() && !has_control(t)
            })
        });
        authority = fields
            .optional("authority")
            .map(|n| n.text_that("a host name, with or without a port", routes::is_authority));
        path_prefix = fields.optional("pathPrefix").map(|n| {
            n.text_that("a path that starts with / and holds no blanks", |t| {
                t.starts_with('/') && is_visible_ascii(t)
            })
        });
        fields.finish();
    }
    let (default_authority, default_prefix) = documented.unzip();
    let authority = match (authority, default_authority) {
        (Some(authority), _) => authority?,
        (None, Some(authority)) => authority,
        (None, None) => return no_documented_endpoint(object.node(), arn?),
    };
    Some(KeyEndpoint {
        cluster: match cluster {
            Some(cluster) => cluster?,
            None => KeyEndpoint::istio_cluster(&authority),
        },
        path_prefix: match path_prefix {
            Some(prefix) => prefix?,
            None => default_prefix.unwrap_or_else(|| "/".to_owned()),
        },
        authority,
    })
}

fn no_documented_endpoint<T>(load_balancer: &Node<'_>, arn: &AlbArn) -> Option<T> {
    load_balancer.problem_at(
        "keyEndpoint.authority",
        format!(
            "required: AWS documents no key endpoint for the partition {}",
            arn.partition()
        ),
    )
}

fn read_output(node: &Node<'_>) -> Option<Vec<ClaimToHeader>> {
    let mut seen: Vec<HeaderName> = Vec::new();
    let nodes = node.items()?;
    if nodes.is_empty() {
        return node.problem("expected at least 1 item(s)");
    }
    let mut mappings = Vec::new();
    for node in nodes {
        let Some(mut object) = node.object() else {
            continue;
        };
        let header = object.required("header", |node| {
            let header = read_assignable_header(node)?;
            if seen
                .iter()
                .any(|earlier| earlier.folds_with(header.as_str().as_bytes()))
            {
                return node.problem("expected no spelling of an earlier entry's header");
            }
            seen.push(header.clone());
            Some(header)
        });
        let claim = object.required("claim", read_claim_path);
        let prefix = object.or("prefix", String::new(), |node| {
            node.text_that("no control characters", |text| !has_control(text))
        });
        let lowercase = object.or("lowercase", false, Node::boolean);
        let required = object.or("required", true, Node::boolean);
        object.finish();
        if let (Some(header), Some(claim)) = (header, claim) {
            mappings.push(ClaimToHeader {
                header,
                claim,
                prefix,
                lowercase,
                required,
            });
        }
    }
    Some(mappings)
}

fn read_assignable_header(node: &Node<'_>) -> Option<HeaderName> {
    let header = read_header_name(node)?;
    if header.is_assignable() {
        return Some(header);
    }
    node.problem(
        "expected a header other than host, connection, content-length, transfer-encoding, te, \
         upgrade, cookie, authorization and x-amzn-oidc-*",
    )
}

fn read_header_name(node: &Node<'_>) -> Option<HeaderName> {
    HeaderName::parse(node.text()?)
        .or_else(|| node.problem("expected a header name of letters, digits, - and _"))
}

fn read_claim_path(node: &Node<'_>) -> Option<ClaimPath> {
    let read_name =
        |node: &Node<'_>| node.text_that("a non-empty claim name", |text| !text.is_empty());
    if !node.is_list() {
        return Some(ClaimPath::Name(read_name(node)?));
    }
    let nodes = node.items()?;
    if nodes.is_empty() {
        return node.problem("expected at least 1 item(s)");
    }
    let segments: Vec<Option<String>> = nodes.iter().map(read_name).collect();
    Some(ClaimPath::Path(
        segments.into_iter().collect::<Option<_>>()?,
    ))
}

fn read_required_claims(node: &Node<'_>) -> Option<Vec<RequiredClaim>> {
    node.list(0..=usize::MAX, Clone::clone, |item| {
        let mut object = item.object()?;
        let claim = object.required("claim", read_claim_path);
        let any_of = object.required("anyOf", |node| {
            node.list(1..=usize::MAX, Clone::clone, |item| {
                Some(item.text()?.to_owned())
            })
        });
        object.finish();
        Some(RequiredClaim {
            claim: claim?,
            any_of: any_of?,
        })
    })
}

fn read_public_route(node: &Node<'_>) -> Option<PublicRoute> {
    let mut object = node.object()?;
    let exact = object.optional("path").map(|node| read_path(&node));
    let prefix = object.optional("pathPrefix").map(|node| {
        let text = node.text_that(
            "a path that starts and ends with / and is not just /, without %, \\, //, ;, ?, #, . or .. segments",
            |text| routes::is_plain_path(text) && text.ends_with('/') && text != "/",
        );
        text.map(PathRule::Prefix)
    });
    let methods = object.optional("methods").map(|node| {
        node.list(1..=usize::MAX, Clone::clone, |item| {
            item.text_that("a method in upper case, such as GET", routes::is_method)
        })
    });
    let hosts = object.optional("hosts").map(|node| read_hosts(&node));
    let with_header = object
        .optional("withHeader")
        .map(|node| read_header_name(&node));
    object.finish();
    let path = match (exact, prefix) {
        (Some(path), None) | (None, Some(path)) => path?,
        _ => return node.problem("expected exactly one of path, pathPrefix"),
    };
    Some(PublicRoute {
        path,
        methods: present(methods)?,
        hosts: present(hosts)?,
        with_header: present(with_header)?,
    })
}

/// Absent stays absent; what was read wrongly makes the whole entry fail.
fn present<T>(field: Option<Option<T>>) -> Option<Option<T>> {
    match field {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

fn read_path(node: &Node<'_>) -> Option<PathRule> {
    let expected = "a path that starts with /, without %, \\, //, ;, ?, #, . or .. segments";
    node.text_that(expected, routes::is_plain_path)
        .map(PathRule::Exact)
}

fn read_hosts(node: &Node<'_>) -> Option<Vec<HostName>> {
    node.list(1..=usize::MAX, Clone::clone, |item| {
        let host = HostName::parse(item.text()?);
        host.or_else(|| item.problem("expected a host name, such as kubeflow.example.com"))
    })
}

fn read_logout(node: &Node<'_>) -> Option<Logout> {
    let mut object = node.object()?;
    let path = object.required("path", |node| read_path(node));
    let location = object.required("location", |node| {
        node.text_that("an absolute https URL", |text| {
            let rest = text.strip_prefix("https://");
            let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
            authority.is_some_and(routes::is_authority) && is_visible_ascii(text)
        })
    });
    let hosts = object.optional("hosts").map(|node| read_hosts(&node));
    object.finish();
    let route = LogoutRoute {
        path: path?,
        hosts: present(hosts)?,
    };
    Some(Logout {
        route,
        location: location?,
    })
}

fn read_cookie_name(node: &Node<'_>) -> Option<String> {
    node.text_that("a cookie name (RFC 6265 token)", |text| {
        let legal = |b: u8| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&b);
        !text.is_empty() && text.bytes().all(legal)
    })
}

fn read_key_limits(root: &mut Object<'_>, mode: Mode) -> KeyLimits {
    let mut limits = KeyLimits {
        fetch_timeout: Duration::from_secs(5),
        refresh_interval: Duration::from_secs(3600),
        max_stale: Duration::from_secs(24 * 3600),
        negative_ttl: Duration::from_secs(5),
        max_keys: 64,
        max_pending_fetches: 8,
        max_waiting_requests: 1024,
        max_wait: Duration::from_secs(10),
    };
    if let Some(mut object) = root.optional("publicKeys").and_then(|node| node.object()) {
        let o = &mut object;
        limits = KeyLimits {
            fetch_timeout: o.or("fetchTimeout", limits.fetch_timeout, |n| {
                n.duration("100ms"..="60s")
            }),
            refresh_interval: o.or("refreshInterval", limits.refresh_interval, |n| {
                n.duration("1m"..="24h")
            }),
            max_stale: o.or("maxStale", limits.max_stale, |n| n.duration("0s"..="168h")),
            negative_ttl: o.or("negativeTtl", limits.negative_ttl, |n| {
                n.duration("1s"..="10m")
            }),
            max_keys: o.or("maxKeys", limits.max_keys, |n| n.integer(1..=1024)),
            max_pending_fetches: o.or("maxPendingFetches", limits.max_pending_fetches, |n| {
                n.integer(1..=64)
            }),
            max_waiting_requests: o.or("maxWaitingRequests", limits.max_waiting_requests, |n| {
                n.integer(1..=16_384)
            }),
            max_wait: o.or("maxWait", limits.max_wait, |n| n.duration("100ms"..="60s")),
        };
        object.finish();
    }
    if mode == Mode::Observe {
        limits.max_wait = limits.max_wait.min(MAX_WAIT_IN_OBSERVE);
    }
    limits
}

fn read_token_cache(root: &mut Object<'_>) -> usize {
    let default = 4_194_304;
    let Some(mut object) = root.optional("tokenCache").and_then(|node| node.object()) else {
        return default;
    };
    let bytes = object.or("maxBytes", default, |n| n.integer(0..=67_108_864));
    object.finish();
    bytes
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

fn is_visible_ascii(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic())
}
