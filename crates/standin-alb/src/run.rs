//! Everything together: the listeners, the key endpoint, the control address.

use std::io::{self, Write as _};
use std::sync::Arc;

use alb_fixtures::key_endpoint::KeyRing;
use alb_fixtures::server;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::authenticate::Authenticator;
use crate::balancer::{Balancer, Port};
use crate::config::Config;
use crate::control;
use crate::identity_provider::IdentityProvider;
use crate::listener;

/// Serves until the program ends; says on standard output where, once it listens.
pub async fn run(config: Config) -> io::Result<()> {
    let keys = KeyRing::default();
    let provider = IdentityProvider::trusting(&config.identity_provider_ca_file)?;
    let balancer = Balancer::new(&config, Authenticator::new(provider), keys.clone())?;
    let balancer = Arc::new(balancer);
    let mut servers = JoinSet::new();

    for listener in config.listeners {
        let socket = bind("listener", &listener.address).await?;
        let tls = listener
            .certificate
            .as_ref()
            .map(listener::acceptor)
            .transpose()?;
        let port = socket.local_addr()?.port();
        let port = Arc::new(Port { listener, port });
        let balancer = Arc::clone(&balancer);
        servers.spawn(listener::serve(socket, tls, move |request, client| {
            let (balancer, port) = (Arc::clone(&balancer), Arc::clone(&port));
            async move { balancer.answer(request, client, &port).await }
        }));
    }

    let socket = bind("key endpoint", &config.public_keys.address).await?;
    let tls = listener::acceptor(&config.public_keys.certificate)?;
    let public = keys.clone();
    servers.spawn(listener::serve(socket, Some(tls), move |request, _| {
        std::future::ready(public.answer(&request))
    }));

    if let Some(address) = &config.control_address {
        let socket = bind("control", address).await?;
        servers.spawn(listener::serve(socket, None, move |request, _| {
            std::future::ready(control::answer(&keys, &request))
        }));
    }
    servers.join_all().await;
    Ok(())
}

async fn bind(role: &str, address: &str) -> io::Result<TcpListener> {
    let socket = server::bind(address).await?;
    writeln!(io::stdout(), "{role} listening on {}", socket.local_addr()?)?;
    Ok(socket)
}
