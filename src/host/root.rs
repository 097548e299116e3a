//! The root context: one for each configuration of a plugin in a VM.

use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use super::hostcalls::{self, Buffer};
use super::stream::Stream;
use super::worker::{SharedWorker, Worker};
use super::{metrics, signature};
use crate::config::Config;
use crate::plugin::Plugin;

thread_local! {
    /// The newest configuration of each plugin, by `root_id`: the next one takes over its public keys.
    /// By plugin, because two plugins with the same code share this VM.
    static NEWEST: RefCell<Vec<(Vec<u8>, SharedWorker)>> = const { RefCell::new(Vec::new()) };
}

/// See the module.
pub(super) struct Root {
    context_id: u32,
    worker: Option<SharedWorker>,
}

impl Root {
    pub(super) fn new(context_id: u32) -> Self {
        Self {
            context_id,
            worker: None,
        }
    }

    fn with_worker(&self, act: impl FnOnce(&mut Worker)) {
        if let Some(mut worker) = self.worker.as_ref().and_then(|w| w.try_borrow_mut().ok()) {
            act(&mut worker);
        }
    }

    fn start(&self, size: usize) -> Result<SharedWorker, String> {
        let json = if size == 0 {
            Vec::new()
        } else {
            hostcalls::buffer(Buffer::PluginConfiguration, size)
                .map_err(|_| "pluginConfig: could not be read from Envoy".to_owned())?
        };
        let config = Config::parse(&json).map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            problems.join("; ")
        })?;
        let (backend, name) = signature::choose(config.signature_backend).ok_or_else(|| {
            "signatureBackend: host was asked for, but Envoy's verify_signature failed its known-answer \
             test; expected an Envoy that has it, or auto or wasm"
                .to_owned()
        })?;
        if let Some(index) = config.first_access_token()
            && !signature::has_rs256()
        {
            return Err(format!(
                "loadBalancers[{index}].accessToken: expected an Envoy whose verify_signature computes RS256, but it \
                 failed its known-answer test"
            ));
        }
        let mut plugin = Plugin::new(config, backend, name, hostcalls::now());
        let root_id = hostcalls::property("plugin_root_id").unwrap_or_default();
        Ok(NEWEST.with_borrow_mut(|newest| {
            let earlier = newest.iter().position(|(known, _)| *known == root_id);
            let earlier = earlier.map(|index| newest.swap_remove(index).1);
            if let Some(mut earlier) = earlier.as_ref().and_then(|w| w.try_borrow_mut().ok()) {
                plugin.take_over(earlier.plugin_mut());
            }
            let worker = Rc::new(RefCell::new(Worker::new(plugin, self.context_id)));
            newest.push((root_id, Rc::clone(&worker)));
            worker
        }))
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body_size: usize, _: usize) {
        self.with_worker(|worker| worker.on_call_response(token, headers, body_size));
    }
}

/// Envoy deletes the context when its configuration and the last request under it are gone.
impl Drop for Root {
    fn drop(&mut self) {
        self.with_worker(Worker::on_end);
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        metrics::define_all();
        match self.start(size) {
            Ok(worker) => {
                self.worker = Some(worker);
                self.with_worker(Worker::on_start);
                true
            }
            Err(problems) => {
                log::error!("alb_authn: configuration refused: {problems}");
                false
            }
        }
    }

    fn on_tick(&mut self) {
        self.with_worker(Worker::on_tick);
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(context_id, self.worker.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
