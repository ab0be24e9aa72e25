//! From configuration to ports. Everything is in the data folder unless another system is configured for it: users,
//! images, jobs and their queue move together; the bytes of images, and what processes share, each on its own.

use std::path::Path;
use std::sync::Arc;

use pixmill::Ports;
use pixmill::ports::{BlobStore, Clock, PortError, Queue};
use pixmill_embedded::{EmbeddedStore, FileBlobStore, MokaCache, OpenError};
use pixmill_memory::{MemoryEvents, MemoryLimiter};
use pixmill_runtime::{Argon2Config, Argon2Passwords, ChildProcesses, SystemClock};

use crate::config::WorkerConfig;
use crate::config::server::ServerConfig;
use crate::error::{StartError, system};
use crate::probe::{self, Probe};
use crate::systems::mongodb::Records;
use crate::systems::redis::Shared;
use crate::{pixels, place};

/// The ports of a process, and what must be watched or ended with them.
pub(crate) struct Assembly {
    pub(crate) ports: Ports,
    pub(crate) probes: Vec<Probe>,
    pub(crate) children: Option<Arc<ChildProcesses>>,
}

/// What must not be lost.
struct Kept {
    records: Records,
    queue: Arc<dyn Queue>,
    blobs: Arc<dyn BlobStore>,
}

/// File operations in the data folder that run at once.
const FILE_TASKS: usize = 16;

/// The ports of a server. What its data folder holds is locked until they are dropped.
pub(crate) async fn of_server(config: &ServerConfig) -> Result<Assembly, StartError> {
    let (data_dir, worker) = (&config.data_dir, &config.worker);
    let clock = clock()?;
    let mut probes = Vec::new();
    let kept = if worker.systems.are_shared() {
        in_systems(worker, Some(data_dir), &mut probes).await?
    } else {
        in_folder(worker, data_dir, clock.clone(), &mut probes).await?
    };
    assemble(worker, kept, clock, probes)
}

/// The ports of a worker, which keeps nothing by itself.
pub(crate) async fn of_worker(config: &WorkerConfig) -> Result<Assembly, StartError> {
    let mut probes = Vec::new();
    let kept = in_systems(config, None, &mut probes).await?;
    assemble(config, kept, clock()?, probes)
}

async fn in_folder(
    config: &WorkerConfig,
    data_dir: &Path,
    clock: Arc<dyn Clock>,
    probes: &mut Vec<Probe>,
) -> Result<Kept, StartError> {
    let store =
        pixmill_embedded::Config { blob_tasks: FILE_TASKS, ..pixmill_embedded::Config::new(data_dir, clock) };
    let store = blocking(move || EmbeddedStore::open(store)).await?;
    let claimed = place::claim(data_dir, config.systems.bucket_place());
    claimed.map_err(system("noting where images are"))?.map_err(StartError::Setting)?;
    let records = Records {
        users: store.users(),
        api_keys: store.api_keys(),
        images: store.images(),
        jobs: store.jobs(),
        once_keys: store.once_keys(),
    };
    let blobs = config.systems.bucket.connect(probes).await?.unwrap_or_else(|| store.blobs());
    Ok(Kept { records, queue: store.queue(), blobs })
}

/// Users, images and jobs in MongoDB and their queue in RabbitMQ; the bytes in a bucket, or in the folder of the one server
/// that there is.
async fn in_systems(
    config: &WorkerConfig,
    data_dir: Option<&Path>,
    probes: &mut Vec<Probe>,
) -> Result<Kept, StartError> {
    let missing = |what: &str| StartError::Setting(format!("{what} is missing"));
    let (blobs, place) = match (config.systems.bucket.connect(probes).await?, data_dir) {
        (Some(blobs), _) => (blobs, config.systems.bucket_name().unwrap_or_default()),
        (None, Some(data_dir)) => {
            let folder = data_dir.to_owned();
            let files = blocking(move || FileBlobStore::open(&folder, FILE_TASKS)).await?;
            let place = place::folder(data_dir).map_err(system("naming the data folder"))?;
            (Arc::new(files) as Arc<dyn BlobStore>, place)
        }
        (None, None) => return Err(missing("AWS_BUCKET_NAME")),
    };
    let records =
        config.systems.mongodb.connect(&place, probes).await?.ok_or_else(|| missing("MONGO_URI"))?;
    let queue = config
        .systems
        .rabbitmq
        .connect(config.slots(), probes)
        .await?
        .ok_or_else(|| missing("RABBITMQ_URL"))?;
    Ok(Kept { records, queue, blobs })
}

/// Adds what need not be kept: in Redis for all processes, or for each on its own.
fn assemble(
    config: &WorkerConfig,
    kept: Kept,
    clock: Arc<dyn Clock>,
    mut probes: Vec<Probe>,
) -> Result<Assembly, StartError> {
    let Kept { records: Records { users, api_keys, images, jobs, once_keys }, queue, blobs } = kept;
    let Shared { cache, events, limiter } =
        config.systems.redis.open(&mut probes)?.unwrap_or_else(|| Shared {
            cache: Arc::new(MokaCache::new(clock.clone(), config.cache_max_bytes)),
            events: Arc::new(MemoryEvents::new()),
            limiter: Arc::new(MemoryLimiter::new(clock.clone())),
        });
    let passwords = Argon2Passwords::start(&Argon2Config::default());
    let passwords = Arc::new(passwords.map_err(system("threads for passwords"))?);
    let (processor, children) = pixels::processor(config)?;
    let ports = Ports {
        users,
        api_keys,
        images,
        jobs,
        queue,
        blobs,
        cache,
        events,
        limiter,
        once_keys,
        passwords,
        processor,
        clock,
    };
    #[cfg(feature = "faults")]
    let ports = crate::faults::before(ports)?;
    Ok(Assembly { ports, probes, children })
}

/// The clock of the process. There is one, so that all parts agree.
#[cfg_attr(not(feature = "faults"), expect(clippy::unnecessary_wraps, reason = "a skew can be wrong"))]
fn clock() -> Result<Arc<dyn Clock>, StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    #[cfg(feature = "faults")]
    let clock = crate::faults::skewed(clock)?;
    Ok(clock)
}

/// Opens a folder beside the runtime's threads.
async fn blocking<T: Send + 'static>(
    open: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, StartError> {
    let opened = tokio::task::spawn_blocking(open).await;
    Ok(opened.map_err(|error| system("opening the data folder")(error.into()))??)
}

/// Connects to all that a worker needs, and asks each once more.
pub(crate) async fn reach(
    config: &WorkerConfig,
) -> Result<Vec<(&'static str, Result<(), PortError>)>, StartError> {
    let mut probes = Vec::new();
    in_systems(config, None, &mut probes).await?;
    config.systems.redis.open(&mut probes)?;
    Ok(probe::ask(&probes).await)
}
