//! Accepting several jobs in one step. A change of one document is all that is atomic here, so the jobs are first written into
//! one document together, which accepts them, and then each into its own. Whoever is cut short in between leaves the first
//! document: the jobs are looked for there as well, and the sweeper goes on with it.

use std::sync::Arc;

use futures::future;
use mongodb::bson::{Document, doc};
use pixmill::JobId;
use pixmill::ports::PortError;
use serde::{Deserialize, Serialize};

use super::JobRecord;
use crate::documents::{Documents, Record, at_most, oid};
use crate::server::Server;

/// How many unfinished acceptances are looked at in one go.
const PORTION: usize = 100;

/// Jobs on their way into documents of their own.
#[derive(Debug)]
pub(super) struct Batches {
    jobs: Arc<Documents<JobRecord>>,
    accepted: Documents<BatchRecord>,
}

/// Jobs that were accepted together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchRecord {
    jobs: Vec<JobRecord>,
}

impl Record for BatchRecord {
    fn indexed(&self) -> Document {
        let jobs: Vec<_> = self.jobs.iter().map(|record| oid(record.job.id.as_bytes())).collect();
        doc! { "jobs": jobs }
    }
}

impl Batches {
    pub(super) fn new(server: &Arc<Server>, jobs: Arc<Documents<JobRecord>>) -> Self {
        Self { jobs, accepted: Documents::new(server, "batches") }
    }

    /// Stores all of these jobs, or none.
    pub(super) async fn accept(
        &self,
        operation: &'static str,
        jobs: Vec<JobRecord>,
    ) -> Result<(), PortError> {
        let Some(first) = jobs.first().map(|record| record.job.id) else { return Ok(()) };
        let batch = BatchRecord { jobs };
        self.accepted.insert(operation, oid(first.as_bytes()), &batch).await?;
        self.finish(operation, batch).await
    }

    /// Finishes the acceptance of this job, if it was accepted with others and that is not done.
    pub(super) async fn finish_with(&self, operation: &'static str, job: JobId) -> Result<(), PortError> {
        match self.accepted.one(operation, doc! { "jobs": oid(job.as_bytes()) }).await? {
            Some(batch) => self.finish(operation, batch).await,
            None => Ok(()),
        }
    }

    /// Finishes what others have left.
    pub(super) async fn finish_all(&self, operation: &'static str) -> Result<(), PortError> {
        let left =
            self.accepted.find_readable(operation, doc! {}, doc! { "_id": 1 }, at_most(PORTION)).await?;
        for batch in left {
            self.finish(operation, batch).await?;
        }
        Ok(())
    }

    /// Gives each job its document. One that has it keeps it as it is, so that this can be repeated, also by several at once.
    async fn finish(
        &self,
        operation: &'static str,
        BatchRecord { jobs }: BatchRecord,
    ) -> Result<(), PortError> {
        let insert = |record: &JobRecord| {
            let (id, record) = (oid(record.job.id.as_bytes()), record.clone());
            async move { self.jobs.insert(operation, id, &record).await }
        };
        future::try_join_all(jobs.iter().map(insert)).await?;
        let first = jobs.first().map(|record| oid(record.job.id.as_bytes()));
        self.accepted.remove(operation, doc! { "_id": first }).await.map(drop)
    }
}
