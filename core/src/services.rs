//! All use cases over one set of ports.

use std::sync::Arc;

use crate::accounts::Accounts;
use crate::capacity::Capacity;
use crate::dead_letters::DeadLetters;
use crate::describe::Describer;
use crate::ids::random_bytes;
use crate::keys::Keys;
use crate::library::Library;
use crate::links::{LinkSigner, Links};
use crate::live::Live;
use crate::ports::{
    ApiKeys, BlobStore, Cache, Clock, Events, Images, Jobs, Limiter, OnceKeys, Passwords, Processor, Queue,
    Users,
};
use crate::process::Process;
use crate::quotas::Quotas;
use crate::results::Results;
use crate::settings::Settings;
use crate::submit::Submissions;
use crate::sweep::Sweeper;
use crate::upload::Uploads;
use crate::user_admin::UserAdmin;
use crate::worker::Worker;

/// One adapter for each port.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is the port that its type names")]
pub struct Ports {
    pub users: Arc<dyn Users>,
    pub api_keys: Arc<dyn ApiKeys>,
    pub images: Arc<dyn Images>,
    pub jobs: Arc<dyn Jobs>,
    pub queue: Arc<dyn Queue>,
    pub blobs: Arc<dyn BlobStore>,
    pub cache: Arc<dyn Cache>,
    pub events: Arc<dyn Events>,
    pub limiter: Arc<dyn Limiter>,
    pub once_keys: Arc<dyn OnceKeys>,
    pub passwords: Arc<dyn Passwords>,
    pub processor: Arc<dyn Processor>,
    pub clock: Arc<dyn Clock>,
}

/// The use cases, ready to call.
#[derive(Clone)]
pub struct Services {
    /// Registration, login, and what becomes of an account later.
    pub accounts: Accounts,
    /// Adding and changing users, for whoever runs the service.
    pub user_admin: UserAdmin,
    /// API keys.
    pub keys: Keys,
    /// What users have and may have.
    pub quotas: Quotas,
    /// How many jobs the service takes on.
    pub capacity: Capacity,
    /// Jobs that failed and may be opened anew.
    pub dead_letters: DeadLetters,
    /// Taking files in.
    pub uploads: Uploads,
    /// Asking for transformations.
    pub submissions: Submissions,
    /// Looking at jobs, ending them, and fetching their results.
    pub results: Results,
    /// Following jobs as they change.
    pub live: Live,
    /// Listing, reading and deleting images.
    pub library: Library,
    /// Links to stored images.
    pub links: Links,
    /// Runs jobs.
    pub worker: Worker,
    /// Finishes what was interrupted and removes what is no longer wanted.
    pub sweeper: Sweeper,
}

/// What a process needs that only works on jobs which others have accepted.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is as in `Services`")]
pub struct WorkerServices {
    pub worker: Worker,
    pub sweeper: Sweeper,
}

impl WorkerServices {
    /// Puts them together. Of the settings, those matter that are about jobs.
    pub fn new(ports: Ports, settings: Settings) -> Self {
        // It makes no links, so any key will do.
        let signer = LinkSigner::new(&random_bytes::<32>());
        let Services { worker, sweeper, .. } = Services::new(ports, settings, signer);
        Self { worker, sweeper }
    }
}

impl Services {
    /// Puts the use cases together. `signer` signs the links that the API itself serves.
    pub fn new(ports: Ports, settings: Settings, signer: LinkSigner) -> Self {
        let ports = Arc::new(ports);
        let settings = Arc::new(settings);
        let links = Links::new(ports.clone(), settings.clone(), signer);
        let library = Library::new(ports.clone(), settings.clone());
        let user_admin = UserAdmin::new(ports.users.clone(), ports.passwords.clone(), ports.clock.clone());
        let accounts = Accounts::new(ports.clone(), settings.clone(), library.clone(), user_admin.clone());
        let quotas = Quotas::new(ports.clone(), settings.clone());
        let describer = Describer::new(ports.clone(), settings.clone());
        let process = Process::new(ports.clone(), settings.clone(), describer.clone());
        let capacity = Capacity::new(ports.clone(), settings.clone());
        Self {
            dead_letters: DeadLetters::new(ports.jobs.clone(), ports.clock.clone()),
            keys: Keys::new(ports.clone()),
            uploads: Uploads::new(ports.clone(), settings.clone(), quotas.clone(), describer),
            submissions: Submissions::new(ports.clone(), settings.clone(), quotas.clone(), capacity.clone()),
            capacity,
            quotas,
            results: Results::new(ports.clone(), settings.clone(), links.clone()),
            live: Live::new(ports.clone()),
            worker: Worker::new(ports.clone(), settings.clone(), process),
            sweeper: Sweeper::new(ports, settings, library.clone(), accounts.clone()),
            accounts,
            user_admin,
            library,
            links,
        }
    }
}
