"""Kubeflow's own policies on the identity header. Each profile's sidecar applies them."""

import ssl
from contextlib import contextmanager

from testbed import client
from testbed.processes import eventually

NAMESPACES = ("alice", "bob")


@contextmanager
def profiles(site):
    """The example's two profiles, in force."""
    folder = site.folder / "deploy" / "examples" / "profile-rbac"
    site.api.apply_folder(folder)
    try:
        eventually("the policies are in force", lambda: reached_by(site, "mallory") == [])
        eventually("alice is let in", lambda: reached_by(site, "alice"))
        eventually("bob is let in", lambda: reached_by(site, "bob"))
        yield
    finally:
        for name in NAMESPACES:
            site.api.kubectl("delete", "authorizationpolicy", "--all", "-n", name)
        eventually("the policies are gone", lambda: reached_by(site, "mallory") == [*NAMESPACES])


def reached_by(site, user):
    """The namespaces that let the user in; the others' refusals must be RBAC's."""
    answers = {name: site.as_user(user, f"/notebook/{name}/") for name in NAMESPACES}
    for name, answer in answers.items():
        assert answer.status == 200 or answer.is_rbac, f"{user} at {name}: {answer}"
    return [name for name, answer in answers.items() if answer.status == 200]


def test_each_user_reaches_her_own_namespace_only(site):
    with profiles(site):
        assert reached_by(site, "alice") == ["alice"]
        assert reached_by(site, "bob") == ["bob"]
        assert reached_by(site, "mallory") == []
        answer = site.as_user("alice", "/notebook/alice/")
        assert answer.arrived("kubeflow-userid") == "alice@example.com"


def test_a_contributor_reaches_both_namespaces(site):
    with profiles(site):
        eventually("carol is let in", lambda: reached_by(site, "carol") == ["alice", "bob"])


def test_spoofed_headers_and_foreign_tokens_never_reach_a_namespace(site):
    alice = "alice@example.com"
    foreign = site.load_balancer.of_another_account()
    mallory, alices = site.token("mallory"), site.token("alice")
    refused_by_filter = {
        "no token": {},
        "a header": {"headers": [("kubeflow-userid", alice)]},
        "another load balancer's token": {"token": site.token("alice", load_balancer=foreign)},
        "an expired token": {"token": site.token("alice", expires_in=-3600)},
        "two tokens": {"token": mallory, "headers": [("x-amzn-oidc-data", alices)]},
        "a token under another spelling": {"headers": [("x_amzn_oidc_data", alices)]},
    }
    refused_by_rbac = {
        "a header beside her own token": {"token": mallory, "headers": [("kubeflow-userid", alice)]},
        "two headers": {"token": mallory, "headers": [("kubeflow-userid", alice), ("kubeflow-userid", alice)]},
        "underscores": {"token": mallory, "headers": [("kubeflow_userid", alice)]},
        "capitals": {"token": mallory, "headers": [("Kubeflow-UserID", alice)]},
        "a list": {"token": mallory, "headers": [("kubeflow-userid", f"{alice},mallory@example.com")]},
        "a token under another spelling": {"token": mallory, "headers": [("x_amzn_oidc_data", alices)]},
    }
    with profiles(site):
        for name, request in refused_by_filter.items():
            answer = site.to_gateway("/notebook/alice/", **request)
            assert answer.status == 401 and answer.reason, f"{name}: {answer}"
        for name, request in refused_by_rbac.items():
            answer = site.to_gateway("/notebook/alice/", **request)
            assert answer.is_rbac, f"{name}: {answer}"
        # What is let in carries the verified identity once and nothing that the client sent.
        spoofed = [("kubeflow-userid", "bob@example.com"), ("kubeflow_userid", "bob@example.com")]
        answer = site.to_gateway("/notebook/alice/", spoofed, token=alices)
        assert answer.arrived("kubeflow-userid") == alice
        assert answer.arrived("kubeflow_userid") is None


def test_another_pod_cannot_speak_for_a_user(site):
    certificate, key, authority = site.workload_certificates("workbench-bob")
    bobs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bobs.check_hostname = False  # The name is a SPIFFE ID.
    bobs.load_verify_locations(authority)
    bobs.load_cert_chain(certificate, key)
    request = {"path": "/notebook/alice/", "headers": [("kubeflow-userid", "alice@example.com")]}
    with profiles(site):
        answer = client.send(site.ports["alice"], tls=bobs, **request)
        assert answer.is_rbac, f"a pod of bob's: {answer}"
        try:
            answer = client.send(site.ports["alice"], **request)
        except OSError:
            return
        raise AssertionError(f"without the mesh's mTLS: {answer}")
