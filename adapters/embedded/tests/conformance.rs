//! The trials of every port that the embedded store offers, each on a store in a folder of its own.

use std::sync::Arc;

use pixmill::ports::{ApiKeys, BlobStore, Cache, Images, Jobs, OnceKeys, Queue, Users};
use pixmill_embedded::{Config, EmbeddedStore};
use pixmill_testkit::{Subject, TestClock, Unavailable, conformance};

/// A subject over one port of a fresh store. The folder goes when the trial has ended.
fn subject<P: ?Sized>(
    clock: Arc<TestClock>,
    port: impl FnOnce(&EmbeddedStore) -> Arc<P>,
) -> Result<Subject<P>, Unavailable> {
    let dir = tempfile::tempdir().map_err(Unavailable::new)?;
    let config = Config { cache_max_bytes: 16 << 20, ..Config::new(dir.path(), clock) };
    let store = EmbeddedStore::open(config).expect("an empty folder can be opened");
    Ok(Subject::new(port(&store)).keep(dir))
}

fn main() {
    conformance("embedded")
        .users(|clock| async { subject(clock, |store| store.users() as Arc<dyn Users>) })
        .api_keys(|clock| async { subject(clock, |store| store.api_keys() as Arc<dyn ApiKeys>) })
        .images(|clock| async { subject(clock, |store| store.images() as Arc<dyn Images>) })
        .jobs(|clock| async { subject(clock, |store| store.jobs() as Arc<dyn Jobs>) })
        .queue(|clock| async { subject(clock, |store| store.queue() as Arc<dyn Queue>) })
        .blobs(|clock| async { subject(clock, |store| store.blobs() as Arc<dyn BlobStore>) })
        .cache(|clock| async { subject(clock, |store| store.cache() as Arc<dyn Cache>) })
        .once_keys(|clock| async { subject(clock, |store| store.once_keys() as Arc<dyn OnceKeys>) })
        .run()
}
