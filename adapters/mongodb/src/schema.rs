//! The indexes, and which schema a database has. What is there already stays as it is.

use mongodb::IndexModel;
use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;
use pixmill::ports::PortError;

use crate::error::ConnectError;
use crate::server::{Server, run};

/// The schema that this version writes.
const SCHEMA: i64 = 1;
const OPERATION: &str = "schema";

/// Each index with its collection and its name, and whether its values are unique.
fn indexes() -> Vec<(&'static str, &'static str, Document, bool)> {
    vec![
        ("users", "name", doc! { "nameKey": 1 }, true),
        ("users", "listed", doc! { "createdAt": -1, "_id": -1 }, false),
        ("users", "deleted", doc! { "dueAt": 1 }, false),
        ("api_keys", "keys", doc! { "keys": 1 }, false),
        ("images", "listed", doc! { "owner": 1, "present": 1, "createdAt": -1, "_id": -1 }, false),
        ("images", "due", doc! { "dueAt": 1 }, false),
        ("jobs", "listed", doc! { "createdAt": -1, "_id": -1 }, false),
        ("jobs", "owned", doc! { "owner": 1, "createdAt": -1, "_id": -1 }, false),
        ("jobs", "owned_by_status", doc! { "owner": 1, "status": 1, "createdAt": -1, "_id": -1 }, false),
        ("jobs", "open_on_image", doc! { "image": 1, "open": 1 }, false),
        ("jobs", "results", doc! { "derivation": 1, "resultUntil": 1 }, false),
        ("jobs", "stale", doc! { "staleSince": 1 }, false),
        ("jobs", "removals", doc! { "removalDueAt": 1 }, false),
        ("once_keys", "owned", doc! { "owner": 1 }, false),
        ("once_keys", "forgotten", doc! { "forgottenAt": 1 }, false),
    ]
}

/// Makes the indexes, unless the database is newer than this version.
pub(crate) async fn prepare(server: &Server) -> Result<(), ConnectError> {
    let unusable = |error: PortError| server.unusable(error);
    let meta = server.collection("meta");
    let reading = meta.clone();
    let found = run(OPERATION, async move { reading.find_one(doc! { "_id": "schema" }).await });
    if let Some(found) = found.await.map_err(unusable)? {
        let version = found.get_i64("version").unwrap_or(i64::MAX);
        if version > SCHEMA {
            let database = server.database().name().to_owned();
            return Err(ConnectError::NewerSchema { database, found: version, known: SCHEMA });
        }
    }
    for (collection, name, keys, unique) in indexes() {
        let collection = server.collection(collection);
        let options = IndexOptions::builder().name(name.to_owned()).unique(unique).build();
        let index = IndexModel::builder().keys(keys).options(options).build();
        run(OPERATION, async move { collection.create_index(index).await }).await.map_err(unusable)?;
    }
    let noted = run(OPERATION, async move {
        let version = doc! { "$set": { "version": SCHEMA } };
        meta.update_one(doc! { "_id": "schema" }, version).upsert(true).await
    });
    noted.await.map(drop).map_err(unusable)
}
