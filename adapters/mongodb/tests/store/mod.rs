//! A store in a database of its own.

use mongodb::{Client, Database};
use pixmill::JobId;
use pixmill_mongodb::{MongoConfig, MongoStore};

/// Runs `test` with a store in a database that is removed afterwards, and with that database.
pub(crate) fn with_store(test: impl AsyncFnOnce(&MongoStore, &Database)) {
    let Ok(uri) = std::env::var("PIXMILL_TEST_MONGO_URI") else {
        assert!(std::env::var_os("CI").is_none(), "no MongoDB at PIXMILL_TEST_MONGO_URI");
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let name = format!("pixmill_test_{}", JobId::random());
        let config = MongoConfig { database: Some(name.clone()), ..MongoConfig::new(&uri) };
        let store = MongoStore::connect(config).await.unwrap();
        let database = Client::with_uri_str(&uri).await.unwrap().database(&name);
        test(&store, &database).await;
        database.drop().await.unwrap();
    });
}
