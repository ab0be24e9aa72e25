//! The ports: what the core asks of the world. One file each, with the trait, its types and its contract.
//!
//! A port is the minimum that an adapter must write. Every bullet under a method's `# Behavior` has a trial in
//! `pixmill-testkit`, which an adapter passes by calling it with a factory.

mod api_keys;
mod blob;
mod cache;
mod clock;
mod error;
mod events;
mod images;
mod jobs;
mod limiter;
mod once_keys;
mod passwords;
mod processor;
mod queue;
mod users;

pub use api_keys::ApiKeys;
pub use blob::{Blob, BlobStore, BlobStoreExt, ByteStream};
pub use cache::{Cache, CacheKey};
pub use clock::Clock;
pub use error::{PortError, PortErrorKind, Retry};
pub use events::{Event, Events};
pub use images::{Images, Page, PageRequest};
pub use jobs::{Accepted, Cancellation, Jobs, Precedent};
pub use limiter::{Decision, LimitKey, Limiter, Quota};
pub use once_keys::{Made, OnceKeys, Turn};
pub use passwords::Passwords;
pub use processor::{BatchWork, ProcessError, Processed, Processor, ToDescribe, Work};
pub use queue::{Delivery, JobMessage, MessageError, Queue, Settlement};
pub use users::{CreateUser, DeletedUser, Users};

#[cfg(feature = "mock")]
#[doc(hidden)]
pub use self::{
    api_keys::MockApiKeys,
    blob::MockBlobStore,
    cache::MockCache,
    clock::MockClock,
    events::MockEvents,
    images::MockImages,
    jobs::MockJobs,
    limiter::MockLimiter,
    once_keys::MockOnceKeys,
    passwords::MockPasswords,
    processor::MockProcessor,
    queue::{MockDelivery, MockQueue},
    users::MockUsers,
};
