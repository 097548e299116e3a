//! The load balancer of the documentation's examples: the one that the repository's Envoy
//! configuration trusts.

use crate::access_token::UserPool;
use crate::mint::LoadBalancer;

/// Its ARN.
pub const ARN: &str = "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/kubeflow/50dc6c495c0c9188";
/// The issuer of its identity provider.
pub const ISSUER: &str = "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_EXAMPLE";
/// Its client id at the identity provider.
pub const CLIENT: &str = "3n4b5urk1ft4fl3mg5e62d9ado";
/// The id of its key.
pub const KID: &str = "c2f80c8b-c05c-4068-af14-17299f7896b1";

/// It, as tokens name it.
pub fn load_balancer() -> LoadBalancer {
    LoadBalancer {
        arn: ARN.into(),
        issuer: ISSUER.into(),
        client: CLIENT.into(),
    }
}

/// Its identity provider: the user pool of [`ISSUER`], as the app client [`CLIENT`] sees it.
pub fn user_pool() -> UserPool {
    UserPool::new(ISSUER, CLIENT)
}
