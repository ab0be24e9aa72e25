//! One process: users, images, jobs and queue in the data folder, and all else there too unless another system is
//! configured for it.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;

use pixmill::Secret;
use pixmill::ports::{BlobStore, Clock, Processor};
use pixmill::{LinkSigner, Ports, Services};
use pixmill_embedded::EmbeddedStore;
use pixmill_memory::{MemoryEvents, MemoryLimiter};
use pixmill_runtime::{
    Argon2Config, Argon2Passwords, ChildConfig, ChildProcesses, InProcess, MemoryBudget, SystemClock,
};

use crate::config::{Config, ProcessorForm};
use crate::error::StartError;
use crate::place;
use crate::secret;
use crate::systems::Shared;

/// The services over the data folder, and what must be kept or ended with them.
pub(crate) struct Embedded {
    pub(crate) services: Services,
    pub(crate) ports: Ports,
    pub(crate) secret: Secret,
    pub(crate) children: Option<Arc<ChildProcesses>>,
    /// Holds the lock of the data folder; dropped last.
    pub(crate) store: EmbeddedStore,
}

/// Opens the data folder and puts the services together. `address` is where clients reach the server if no
/// public URL is configured.
pub(crate) async fn open(config: &Config, address: String) -> Result<Embedded, StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let mut store_config = pixmill_embedded::Config::new(&config.data_dir, clock.clone());
    store_config.cache_max_bytes = config.cache_max_bytes;
    let store = tokio::task::spawn_blocking(move || EmbeddedStore::open(store_config))
        .await
        .map_err(|error| system("opening the data folder")(error.into()))??;
    let secret = match &config.jwt_secret {
        Some(secret) => secret.clone(),
        None => secret::load_or_make(&config.data_dir).map_err(StartError::Secret)?,
    };
    let place = place::claim(&config.data_dir, config.systems.bucket());
    place.map_err(system("noting where images are"))?.map_err(StartError::Setting)?;
    let blobs = config.systems.blobs(store.blobs() as Arc<dyn BlobStore>).await?;
    let shared = config.systems.shared(|| Shared {
        cache: store.cache(),
        events: Arc::new(MemoryEvents::new()),
        limiter: Arc::new(MemoryLimiter::new(clock.clone())),
    });
    let Shared { cache, events, limiter } = shared.await?;
    let (processor, children) = processor(config)?;
    let passwords =
        Argon2Passwords::start(&Argon2Config::default()).map_err(system("threads for passwords"))?;
    let ports = Ports {
        users: store.users(),
        api_keys: store.api_keys(),
        images: store.images(),
        jobs: store.jobs(),
        queue: store.queue(),
        blobs,
        cache,
        events,
        limiter,
        once_keys: store.once_keys(),
        passwords: Arc::new(passwords),
        processor,
        clock,
    };
    let signer = LinkSigner::new(secret.expose().as_bytes());
    let services = Services::new(ports.clone(), config.settings(address), signer);
    Ok(Embedded { services, ports, secret, children, store })
}

/// A processor, and the child processes behind it if it has some.
type Pixels = (Arc<dyn Processor>, Option<Arc<ChildProcesses>>);

fn processor(config: &Config) -> Result<Pixels, StartError> {
    let slots = NonZeroUsize::new(config.slots()).unwrap_or(NonZeroUsize::MIN);
    let budget = MemoryBudget::new(config.worker_memory_bytes);
    match config.processor {
        ProcessorForm::InProcess => {
            let pool = InProcess::start(slots, budget).map_err(system("threads for pixels"))?;
            Ok((Arc::new(pool), None))
        }
        ProcessorForm::ChildProcesses => {
            let children = ChildConfig::of_this_program(slots, budget)
                .map(|children| ChildConfig {
                    job_memory: config.job_memory_bytes(),
                    // A source and a watermark image.
                    file_bytes: config.max_upload_bytes.saturating_mul(2).max(128 << 20),
                    ..children
                })
                .and_then(ChildProcesses::start)
                .map_err(system("child processes for pixels"))?;
            let children = Arc::new(children);
            Ok((children.clone(), Some(children)))
        }
    }
}

fn system(what: &'static str) -> impl Fn(io::Error) -> StartError {
    move |source| StartError::System { what, source }
}
