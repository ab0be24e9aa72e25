//! The indexes, and what a database says of itself: its schema, and where the bytes of its images are. What is there
//! already stays as it is.

use mongodb::IndexModel;
use mongodb::bson::{Document, doc};
use mongodb::options::{IndexOptions, ReturnDocument};
use pixmill::ports::PortError;

use crate::error::{ConnectError, unreadable};
use crate::server::{Server, run};

/// The schema that this version writes.
const SCHEMA: i64 = 1;
const OPERATION: &str = "schema";
const META: &str = "meta";

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
        ("jobs", "open", doc! { "open": 1, "owner": 1, "held": 1 }, false),
        ("jobs", "held", doc! { "held": 1, "owner": 1, "createdAt": 1, "_id": 1 }, false),
        ("jobs", "ended", doc! { "endedAt": 1, "removalDueAt": 1 }, false),
        ("jobs", "open_on_image", doc! { "image": 1, "open": 1 }, false),
        ("jobs", "results", doc! { "derivation": 1, "resultUntil": 1 }, false),
        ("jobs", "stale", doc! { "staleSince": 1 }, false),
        ("jobs", "removals", doc! { "removalDueAt": 1 }, false),
        ("batches", "jobs", doc! { "jobs": 1 }, false),
        ("once_keys", "owned", doc! { "owner": 1 }, false),
        ("once_keys", "forgotten", doc! { "forgottenAt": 1 }, false),
    ]
}

/// Makes the indexes, unless the database is newer than this version.
pub(crate) async fn prepare(server: &Server) -> Result<(), ConnectError> {
    let unusable = |error: PortError| server.unusable(error);
    let meta = server.collection(META);
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

/// Notes where the bytes are if nothing is noted, and returns what is.
pub(crate) async fn note_blobs(server: &Server, place: &str) -> Result<String, PortError> {
    const OPERATION: &str = "note_blobs";
    let (meta, first) = (server.collection(META), doc! { "$setOnInsert": { "place": place } });
    let noted = run(OPERATION, async move {
        let noted = meta.find_one_and_update(doc! { "_id": "blobs" }, first).upsert(true);
        noted.return_document(ReturnDocument::After).await
    });
    let noted = noted.await?.ok_or_else(|| unreadable("the note vanished", OPERATION))?;
    Ok(noted.get_str("place").map_err(|error| unreadable(error, OPERATION))?.to_owned())
}
