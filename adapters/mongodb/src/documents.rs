//! Records as documents: what a record is stands in `record` as JSON, exact to the last bit, and what queries ask for
//! stands beside it. `revision` changes with every replacement.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use moka::sync::Cache;
use mongodb::Collection;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};
use pixmill::Timestamp;
use pixmill::ports::{Page, PageRequest, PortError, PortErrorKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{error, is_duplicate, unreadable};
use crate::server::{Server, run};

/// How often a change is tried while others change the same document.
const TRIES: u32 = 200;
/// How long a try waits for the others at most.
const JITTER_MILLIS: u32 = 8;
/// How many records are remembered as they were stored from here.
const REMEMBERED: u64 = 1000;

/// Something that is kept as one document.
pub(crate) trait Record:
    Serialize + DeserializeOwned + Clone + fmt::Debug + PartialEq + Send + Sync + 'static
{
    /// What queries ask for.
    fn indexed(&self) -> Document;

    /// Takes over what was noted in the document and not in the record.
    fn amend(&mut self, _document: &Document) {}
}

/// A collection of records.
#[derive(Debug)]
pub(crate) struct Documents<R: Record> {
    server: Arc<Server>,
    collection: Collection<Document>,
    /// What was stored from here last, with its revision. A guess that spares a look: what is there decides.
    remembered: Cache<ObjectId, (i64, R)>,
}

/// The order of lists: newest first.
fn newest_first() -> Document {
    doc! { "createdAt": -1, "_id": -1 }
}

/// The entries of a list after the one at this place.
pub(crate) fn after(created_at: Timestamp, id: ObjectId) -> Document {
    let created_at = millis(created_at);
    doc! { "$or": [
        { "createdAt": { "$lt": created_at } },
        { "createdAt": created_at, "_id": { "$lt": id } },
    ] }
}

/// How many documents at most, as the driver wants it.
pub(crate) fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// An id as documents have it.
pub(crate) fn oid(id: &[u8; 12]) -> ObjectId {
    ObjectId::from_bytes(*id)
}

/// A time as documents have it. Times beyond mean "never", and stay so.
pub(crate) fn millis(time: Timestamp) -> i64 {
    i64::try_from(time.millis()).unwrap_or(i64::MAX)
}

impl<R: Record> Documents<R> {
    pub(crate) fn new(server: &Arc<Server>, name: &str) -> Self {
        let remembered = Cache::builder().max_capacity(REMEMBERED).build();
        Self { server: server.clone(), collection: server.collection(name), remembered }
    }

    pub(crate) fn collection(&self) -> Collection<Document> {
        self.collection.clone()
    }

    pub(crate) async fn now(&self, operation: &'static str) -> Result<Timestamp, PortError> {
        self.server.now(operation).await
    }

    /// Adds a record. `false` if there is one with this id, or with another value that must be unique.
    pub(crate) async fn insert(
        &self,
        operation: &'static str,
        id: impl Into<Bson>,
        record: &R,
    ) -> Result<bool, PortError> {
        let id = id.into();
        let (collection, document) = (self.collection.clone(), write(operation, id.clone(), 0, record)?);
        let inserted = run(operation, async move {
            match collection.insert_one(document).await {
                Ok(_) => Ok(true),
                Err(error) if is_duplicate(&error) => Ok(false),
                Err(error) => Err(error),
            }
        });
        let inserted = inserted.await?;
        if inserted {
            self.remember(&id, 0, record);
        }
        Ok(inserted)
    }

    pub(crate) async fn get(
        &self,
        operation: &'static str,
        id: impl Into<Bson>,
    ) -> Result<Option<R>, PortError> {
        self.one(operation, doc! { "_id": id.into() }).await
    }

    /// A record that matches.
    pub(crate) async fn one(
        &self,
        operation: &'static str,
        filter: Document,
    ) -> Result<Option<R>, PortError> {
        Ok(self.look(operation, filter).await?.map(|(_, record)| record))
    }

    /// All records that match, in this order, at most so many.
    pub(crate) async fn find(
        &self,
        operation: &'static str,
        filter: Document,
        sort: Document,
        limit: i64,
    ) -> Result<Vec<R>, PortError> {
        let found = self.documents(operation, filter, sort, limit).await?;
        found.iter().map(|document| read(operation, document).map(|(_, record)| record)).collect()
    }

    /// The same without those that this version can't read: one of them must not keep all others from their turn.
    pub(crate) async fn find_readable(
        &self,
        operation: &'static str,
        filter: Document,
        sort: Document,
        limit: i64,
    ) -> Result<Vec<R>, PortError> {
        let found = self.find_each(operation, filter, sort, limit).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// The same with a place for each that matches, which is empty where this version can't read the record.
    pub(crate) async fn find_each(
        &self,
        operation: &'static str,
        filter: Document,
        sort: Document,
        limit: i64,
    ) -> Result<Vec<Option<R>>, PortError> {
        let found = self.documents(operation, filter, sort, limit).await?;
        let each = found.iter().map(|document| match read(operation, document) {
            Ok((_, record)) => Some(record),
            Err(error) => {
                left_out(document.get("_id").unwrap_or(&Bson::Null), &error);
                None
            }
        });
        Ok(each.collect())
    }

    async fn documents(
        &self,
        operation: &'static str,
        filter: Document,
        sort: Document,
        limit: i64,
    ) -> Result<Vec<Document>, PortError> {
        let collection = self.collection.clone();
        let found = run(operation, async move {
            collection.find(filter).sort(sort).limit(limit).await?.try_collect::<Vec<_>>().await
        });
        found.await
    }

    /// The part of a list that `page` asks for, newest first; `filter` leaves out what comes before it.
    pub(crate) async fn page<Id>(
        &self,
        operation: &'static str,
        filter: Document,
        page: &PageRequest<Id>,
    ) -> Result<Page<R>, PortError> {
        // One more than asked for tells whether there are more.
        let limit = at_most(page.limit.saturating_add(1));
        let mut items = self.find(operation, filter, newest_first(), limit).await?;
        let more = items.len() > page.limit;
        items.truncate(page.limit);
        Ok(Page { items, more })
    }

    /// The ids of the records that match.
    pub(crate) async fn ids(
        &self,
        operation: &'static str,
        filter: Document,
        sort: Document,
        limit: i64,
    ) -> Result<Vec<Bson>, PortError> {
        let collection = self.collection.clone();
        let found = run(operation, async move {
            let found = collection.find(filter).sort(sort).limit(limit).projection(doc! { "_id": 1 });
            found.await?.try_collect::<Vec<_>>().await
        });
        Ok(found.await?.into_iter().filter_map(|mut document| document.remove("_id")).collect())
    }

    /// The different values of a field among the records that match.
    pub(crate) async fn distinct(
        &self,
        operation: &'static str,
        field: &'static str,
        filter: Document,
    ) -> Result<Vec<Bson>, PortError> {
        let collection = self.collection.clone();
        run(operation, async move { collection.distinct(field, filter).await }).await
    }

    pub(crate) async fn count(&self, operation: &'static str, filter: Document) -> Result<u64, PortError> {
        let collection = self.collection.clone();
        run(operation, async move { collection.count_documents(filter).await }).await
    }

    /// Removes the records that match, and says how many.
    pub(crate) async fn remove(&self, operation: &'static str, filter: Document) -> Result<u64, PortError> {
        let collection = self.collection.clone();
        let removed = run(operation, async move { collection.delete_many(filter).await });
        removed.await.map(|removed| removed.deleted_count)
    }

    /// Applies a transition to a record, if it exists, at the server's time: to its newest state, and stored only if
    /// nobody else has stored another meanwhile. A transition that changes nothing stores nothing.
    pub(crate) async fn change<T>(
        &self,
        operation: &'static str,
        id: impl Into<Bson>,
        transition: impl FnMut(&mut R, Timestamp) -> T,
    ) -> Result<Option<T>, PortError> {
        self.store(operation, id.into(), transition, |before, after| before != after).await
    }

    /// The same, stored also if nothing has changed: a change that was sent before and has not arrived, although nobody waits for
    /// it any longer, meets another revision then and comes to nothing.
    pub(crate) async fn overtake<T>(
        &self,
        operation: &'static str,
        id: impl Into<Bson>,
        transition: impl FnMut(&mut R, Timestamp) -> T,
    ) -> Result<Option<T>, PortError> {
        self.store(operation, id.into(), transition, |_, _| true).await
    }

    /// Like `change`, and leaves a record alone that this version can't read.
    pub(crate) async fn change_readable<T>(
        &self,
        operation: &'static str,
        id: Bson,
        transition: impl FnMut(&mut R, Timestamp) -> T,
    ) -> Result<Option<T>, PortError> {
        match self.change(operation, id.clone(), transition).await {
            Err(error) if error.kind() == PortErrorKind::Corrupt => {
                left_out(&id, &error);
                Ok(None)
            }
            changed => changed,
        }
    }

    /// Applies a transition as [`Self::change`] does, and stores what is `worth_storing`, given what was there and what is.
    async fn store<T>(
        &self,
        operation: &'static str,
        id: Bson,
        mut transition: impl FnMut(&mut R, Timestamp) -> T,
        worth_storing: impl Fn(&R, &R) -> bool,
    ) -> Result<Option<T>, PortError> {
        let mut remembered = id.as_object_id().and_then(|id| self.remembered.remove(&id));
        for attempt in 0..TRIES {
            let guessed = remembered.is_some();
            let Some((revision, before)) = (match remembered.take() {
                Some(remembered) => Some(remembered),
                None => self.look(operation, doc! { "_id": id.clone() }).await?,
            }) else {
                return Ok(None);
            };
            let mut record = before.clone();
            let outcome = transition(&mut record, self.server.now(operation).await?);
            if !worth_storing(&before, &record) {
                if guessed {
                    continue;
                }
                return Ok(Some(outcome));
            }
            let document = write(operation, id.clone(), revision + 1, &record)?;
            let (collection, filter) =
                (self.collection.clone(), doc! { "_id": id.clone(), "revision": revision });
            let stored = run(operation, async move { collection.replace_one(filter, document).await });
            if stored.await?.matched_count == 1 {
                self.remember(&id, revision + 1, &record);
                return Ok(Some(outcome));
            }
            if !guessed {
                // Others were faster. Whoever waits a little differently each time meets fewer of them.
                let share = u32::from(ObjectId::new().bytes()[11]) % (JITTER_MILLIS.min(attempt) + 1);
                tokio::time::sleep(Duration::from_millis(share.into())).await;
            }
        }
        Err(error(PortErrorKind::Unavailable, operation)
            .with_source("too many change the same document at once"))
    }

    /// Sets fields of the documents that match. Their records are not told: see [`Record::amend`].
    pub(crate) async fn note(
        &self,
        operation: &'static str,
        filter: Document,
        fields: Document,
    ) -> Result<(), PortError> {
        let collection = self.collection.clone();
        let noted =
            run(operation, async move { collection.update_many(filter, doc! { "$set": fields }).await });
        noted.await.map(drop)
    }

    /// A record that matches, with its revision.
    async fn look(&self, operation: &'static str, filter: Document) -> Result<Option<(i64, R)>, PortError> {
        let collection = self.collection.clone();
        let found = run(operation, async move { collection.find_one(filter).await }).await?;
        found.map(|document| read(operation, &document)).transpose()
    }

    /// Whether the record, as it was stored from here last, is such a one. It is not remembered any longer then, because whoever
    /// asks is going to change it beside its revision.
    pub(crate) fn recall(&self, id: ObjectId, is_such: impl FnOnce(&R) -> bool) -> bool {
        let recalled = self.remembered.get(&id).is_some_and(|(_, record)| is_such(&record));
        if recalled {
            self.remembered.invalidate(&id);
        }
        recalled
    }

    fn remember(&self, id: &Bson, revision: i64, record: &R) {
        if let Some(id) = id.as_object_id() {
            self.remembered.insert(id, (revision, record.clone()));
        }
    }
}

/// Tells an operator of a record that this version can't read.
fn left_out(id: &Bson, error: &PortError) {
    tracing::error!(%error, %id, "a record is left out");
}

fn write<R: Record>(
    operation: &'static str,
    id: Bson,
    revision: i64,
    record: &R,
) -> Result<Document, PortError> {
    let json = serde_json::to_string(record)
        .map_err(|source| error(PortErrorKind::Internal, operation).with_source(source))?;
    let mut document = doc! { "_id": id, "revision": revision };
    document.extend(record.indexed());
    document.insert("record", json);
    Ok(document)
}

fn read<R: Record>(operation: &'static str, document: &Document) -> Result<(i64, R), PortError> {
    let revision = document.get_i64("revision").map_err(|source| unreadable(source, operation))?;
    let json = document.get_str("record").map_err(|source| unreadable(source, operation))?;
    let mut record: R = serde_json::from_str(json).map_err(|source| unreadable(source, operation))?;
    record.amend(document);
    Ok((revision, record))
}
