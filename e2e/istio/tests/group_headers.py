"""Policies on a header of one group, as docs/groups.md shows them, with the groups of a real provider."""

import json

from testbed.processes import eventually
from testbed.programs import ROOT
from testbed.site import SYSTEM

from .access_token import groups

# An entry for each group that a policy asks for, and access tokens that a test can swap.
HEADERS = {
    "forwardToken": True,
    "outputClaimToHeaders/1": {
        "header": "x-group-ml", "claim": "groups", "source": "accessToken", "keep": ["ml"], "required": False
    },
    "outputClaimToHeaders/2": {
        "header": "x-group-ops", "claim": "groups", "source": "accessToken", "keep": ["ops"], "required": False
    },
}


def policy(name, action, *rules):
    """A policy at the gateway; a rule is a path, a header, `values` or `notValues`, and the value."""
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": name, "namespace": SYSTEM},
        "spec": {
            "selector": {"matchLabels": {"istio": "ingressgateway"}},
            "action": action,
            "rules": [
                {
                    "to": [{"operation": {"paths": [path]}}],
                    "when": [{"key": f"request.headers[{header}]", field: [value]}],
                }
                for path, header, field, value in rules
            ],
        },
    }


# The rows of "An absent header may grant, never deny": bob is the one whom the rules on x-group-ops name.
ALLOW = policy(
    "allow", "ALLOW",
    ("/allow", "x-group-ml", "values", "ml"),
    ("/allow-not", "x-group-ops", "notValues", "ops"),
)
ALLOW["spec"]["rules"].append({"to": [{"operation": {"notPaths": ["/allow", "/allow-not"]}}]})
DENY = policy(
    "deny", "DENY",
    ("/deny", "x-group-ops", "values", "ops"),
    ("/deny-not", "x-group-ml", "notValues", "ml"),
)
ROWS = ["/allow", "/deny", "/allow-not", "/deny-not"]


class Tokens:
    """Each user's two tokens, which pass the gateway in any combination."""

    def __init__(self, site):
        self.site = site
        eventually("tokens are forwarded", lambda: site.as_user("alice").arrived("x-amzn-oidc-accesstoken"))
        self.arrived = {user: site.as_user(user) for user in ("alice", "bob", "carol")}

    def send(self, user, path, access_token_of=None, headers=()):
        if access_token_of:
            access_token = self.arrived[access_token_of].arrived("x-amzn-oidc-accesstoken")
            headers = [*headers, ("x-amzn-oidc-accesstoken", access_token)]
        return self.site.to_gateway(path, headers, token=self.arrived[user].arrived("x-amzn-oidc-data"))

    def passes(self, *arguments):
        answer = self.send(*arguments)
        assert answer.status == 200 or answer.is_rbac, f"{arguments}: {answer}"
        return answer.status == 200


def test_a_user_without_the_header_is_judged_as_the_table_says(site):
    with groups(site, **HEADERS):
        tokens = Tokens(site)
        with site.applied(ALLOW, DENY):
            eventually("the policies are in force", lambda: not tokens.passes("bob", "/deny-not", "bob"))
            eventually("all of them", lambda: not tokens.passes("bob", "/allow", "bob"))

            def passing(user, access_token_of):
                return [path for path in ROWS if tokens.passes(user, path, access_token_of)]

            assert passing("alice", "alice") == ROWS
            assert passing("bob", "bob") == []
            assert passing("carol", "carol") == ["/deny", "/allow-not"]
            # The header is absent because the access token is, or is another's.
            assert passing("alice", None) == ["/deny", "/allow-not"]
            assert passing("bob", None) == ["/deny", "/allow-not"]
            assert passing("bob", "alice") == ["/deny", "/allow-not"]


def test_the_pages_policy_lets_one_group_into_an_application(site):
    only_ml = the_pages_policy(site, "only-ml")
    only_ml["metadata"]["namespace"] = "alice"
    only_ml["spec"]["selector"]["matchLabels"] = {"app": "workbench"}
    with groups(site, **HEADERS):
        tokens = Tokens(site)
        with site.applied(only_ml):
            eventually("the policy is in force", lambda: not tokens.passes("bob", "/notebook/alice/", "bob"))
            answer = tokens.send("alice", "/notebook/alice/", "alice")
            assert answer.arrived("x-group-ml") == "ml", answer
            # What an application such as the model registry's UI reads: all groups.
            assert answer.arrived("kubeflow-groups") == "ml,admins", answer
            denied = {
                "another group": ("bob", "bob"),
                "no group": ("carol", "carol"),
                "another user's access token": ("bob", "alice"),
                "no access token": ("alice", None),
                "the header": ("bob", "bob", [("x-group-ml", "ml")]),
                "underscores": ("bob", "bob", [("x_group_ml", "ml")]),
            }
            for name, (user, access_token_of, *headers) in denied.items():
                answer = tokens.send(user, "/notebook/alice/", access_token_of, *headers)
                assert answer.is_rbac, f"{name}: {answer}"


def the_pages_policy(site, name):
    """The object of this name from docs/groups.md; kubectl reads its YAML."""
    page = (ROOT / "docs" / "groups.md").read_text()
    block = next(text for text in page.split("```yaml\n") if f"\n  name: {name}\n" in text)
    block = block.partition("```")[0]
    return json.loads(site.api.kubectl("create", "--dry-run=client", "-o", "json", "-f", "-", stdin=block).stdout)
