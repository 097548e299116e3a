//! Names under `localhost` are this machine (RFC 6761 section 6.3): browsers know it, the system's
//! resolver often doesn't. Others are asked for, IPv4 only, as a load balancer talks to providers.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

/// Resolves them.
#[derive(Clone)]
pub struct LocalNames;

impl Service<Name> for LocalNames {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move {
            let name = name.as_str();
            if name == "localhost" || name.ends_with(".localhost") {
                let here = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
                return Ok(vec![here].into_iter());
            }
            let found = tokio::net::lookup_host((name, 0)).await?;
            let found: Vec<SocketAddr> = found.filter(SocketAddr::is_ipv4).collect();
            Ok(found.into_iter())
        })
    }
}
