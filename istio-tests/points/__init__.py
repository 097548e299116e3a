"""What is shown on each pair, in this order. A test leaves the site as it found it."""

from . import authorization, bearer, changes, deployment, identity, rollout, two_gateways

TESTS = [
    deployment.test_1_the_api_server_accepts_each_overlay,
    deployment.test_1_the_api_server_refuses_a_broken_overlay,
    deployment.test_1_the_api_server_knows_each_component_from_the_istio_that_has_it,
    deployment.test_1_istioctl_validates_and_analyzes_each_overlay,
    deployment.test_2_the_agent_pulls_the_image_by_digest_and_the_gateway_becomes_ready,
    deployment.test_2_the_agent_takes_the_artifact_form_too,
    deployment.test_2_the_filter_stands_before_jwt_authn_and_rbac,
    deployment.test_2_a_traffic_extension_does_the_same_where_istio_has_it,
    identity.test_3_a_request_through_the_load_balancer_arrives_with_the_identity,
    identity.test_3_each_overlay_lets_its_own_load_balancers_users_in,
    identity.test_3_the_load_balancers_forwarded_headers_are_believed,
    identity.test_3_the_key_comes_over_tls_through_the_service_entry,
    identity.test_3_a_certificate_for_another_name_is_refused,
    identity.test_3_a_certificate_of_an_unknown_authority_is_refused,
    authorization.test_4_each_user_reaches_her_own_namespace_only,
    authorization.test_4_a_contributor_reaches_both_namespaces,
    authorization.test_4_spoofed_headers_and_foreign_tokens_never_reach_a_namespace,
    bearer.test_5_a_valid_bearer_passes_and_gets_its_own_rule,
    bearer.test_5_an_invalid_bearer_is_refused,
    bearer.test_5_forms_that_jwt_authn_ignores_never_pass,
    bearer.test_5_the_deny_policy_alone_refuses_them_too,
    changes.test_6_a_changed_configuration_arrives_under_load_with_no_failed_request,
    changes.test_6_an_invalid_configuration_is_refused_and_the_old_one_keeps_working,
    changes.test_6_an_image_that_cannot_be_had_denies_all,
    changes.test_6_a_gateway_that_restarts_while_the_registry_is_down_denies_all,
    rollout.test_7_observe_then_counters_then_enforce_then_back,
    two_gateways.test_8_two_gateways_trust_their_own_load_balancers_only,
    two_gateways.test_8_a_gateway_with_filtered_clusters_gets_keys_by_the_component,
]
