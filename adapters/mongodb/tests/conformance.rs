//! The trials of every repository, each on a database of its own, against a real server.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use mongodb::Client;
use pixmill::JobId;
use pixmill::ports::{ApiKeys, Images, Jobs, OnceKeys, Users};
use pixmill_mongodb::{MongoConfig, MongoStore};
use pixmill_testkit::{Subject, Unavailable, conformance};

/// What the server's clock, as it is asked for, tells apart with certainty.
const UNIT: Duration = Duration::from_millis(300);

async fn subject<P: ?Sized>(port: impl FnOnce(&MongoStore) -> Arc<P>) -> Result<Subject<P>, Unavailable> {
    let uri = std::env::var("PIXMILL_TEST_MONGO_URI").map_err(|_| {
        Unavailable::new("no MongoDB at PIXMILL_TEST_MONGO_URI; run `cargo xtask services up`")
    })?;
    let name = format!("pixmill_test_{}", JobId::random());
    let config = MongoConfig { database: Some(name.clone()), ..MongoConfig::new(&uri) };
    let store = MongoStore::connect(config).await.map_err(Unavailable::new)?;
    Ok(Subject::new(port(&store)).real_time(UNIT).keep(Database { uri, name }))
}

fn main() {
    conformance("mongodb")
        .users(|_| subject(|store| store.users() as Arc<dyn Users>))
        .api_keys(|_| subject(|store| store.api_keys() as Arc<dyn ApiKeys>))
        .images(|_| subject(|store| store.images() as Arc<dyn Images>))
        .jobs(|_| subject(|store| store.jobs() as Arc<dyn Jobs>))
        .once_keys(|_| subject(|store| store.once_keys() as Arc<dyn OnceKeys>))
        .run()
}

/// Removes the database of a trial when it has ended.
struct Database {
    uri: String,
    name: String,
}

impl Drop for Database {
    fn drop(&mut self) {
        // The trial's runtime is busy ending.
        thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a small runtime").block_on(async {
                    Client::with_uri_str(&self.uri).await?.database(&self.name).drop().await
                })
            });
        });
    }
}
