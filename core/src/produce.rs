//! Making the results of jobs that one worker has taken: found where they were made before, else computed, all of one
//! source with one call of the engine, and stored.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future;
use pixmill_engine::Transformation;

use crate::attempt::AttemptError;
use crate::batch::Batch;
use crate::content::{Content, ContentHash};
use crate::describe::Describer;
use crate::failure::{Failure, FailureCode};
use crate::ids::JobId;
use crate::image::NewVersion;
use crate::job::{Job, Output};
use crate::library::remember;
use crate::ports::{BatchWork, BlobStoreExt, Precedent, Processed, Work};
use crate::services::Ports;
use crate::settings::Settings;

/// Makes results.
#[derive(Clone)]
pub(crate) struct Producer {
    ports: Arc<Ports>,
    settings: Arc<Settings>,
    describer: Describer,
}

/// A result that is stored, and its bytes if they are at hand.
pub(crate) struct Made {
    content: Content,
    file: Option<Bytes>,
}

/// What is said of a job of which a processor says nothing.
fn unanswered() -> AttemptError {
    tracing::error!("the processor gave fewer results than it was asked for");
    AttemptError::Permanent(Failure::new(FailureCode::Internal, "the service failed on this image"))
}

/// A result already stored cannot be reused unless it stays for at least this long.
const REUSE_MARGIN: Duration = Duration::from_mins(1);

impl Producer {
    pub(crate) fn new(ports: Arc<Ports>, settings: Arc<Settings>, describer: Describer) -> Self {
        Self { ports, settings, describer }
    }

    /// Makes the results of `jobs`, which are one job or several that are [made together](Job::is_made_with), or finds them
    /// made already, and stores them. What comes of each does not hang on what comes of the others, but for what they share.
    pub(crate) async fn make(&self, jobs: &[&Job]) -> Vec<Result<Made, AttemptError>> {
        let found = future::join_all(jobs.iter().map(|job| self.find(job))).await;
        let open = jobs.iter().zip(&found).filter(|(_, found)| matches!(found, Ok(None)));
        let open: Vec<&Job> = open.map(|(job, _)| *job).collect();
        let mut computed = self.compute(&open).await.into_iter();
        let made = found.into_iter().map(|found| match found {
            Ok(Some(content)) => Ok(Made { content, file: None }),
            Ok(None) => computed.next().unwrap_or_else(|| Err(unanswered())),
            Err(error) => Err(error),
        });
        made.collect()
    }

    /// Makes versions of what was made for `jobs` and is to be saved. To be awaited to its end: a version that is still on its
    /// way into the database comes after it was taken back, and is in sight until the sweeper looks again.
    pub(crate) async fn save(
        &self,
        jobs: &[&Job],
        made: Vec<Result<Made, AttemptError>>,
    ) -> Vec<Result<Output, AttemptError>> {
        let outputs = jobs.iter().zip(made).map(|(job, made)| async move { self.output(job, made?).await });
        future::join_all(outputs).await
    }

    /// What was made before. That somebody else is just making it is an error.
    async fn find(&self, job: &Job) -> Result<Option<Content>, AttemptError> {
        match self.ports.jobs.precedent(job, REUSE_MARGIN).await? {
            Some(Precedent::Made(earlier)) => self.reuse(job, &earlier).await,
            Some(Precedent::InTheMaking) => Err(AttemptError::InTheMaking),
            None => Ok(None),
        }
    }

    /// Copies the result of an earlier job that did the same. Where its bytes are gone, it is as if nobody had done it.
    async fn reuse(&self, job: &Job, earlier: &Job) -> Result<Option<Content>, AttemptError> {
        let Some(output) = earlier.output(self.ports.clock.now()) else { return Ok(None) };
        let key = job.output_key();
        let copied = self.ports.blobs.copy(output.content.blob.clone(), key.clone()).await?;
        Ok(copied.then(|| Content { blob: key, ..output.content.clone() }))
    }

    /// Computes and stores the results of `jobs`.
    async fn compute(&self, jobs: &[&Job]) -> Vec<Result<Made, AttemptError>> {
        match self.process(jobs).await {
            Ok(processed) => {
                let stored = jobs.iter().zip(processed).map(|(job, processed)| self.store(job, processed));
                future::join_all(stored).await
            }
            Err(error) => jobs.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn process(&self, jobs: &[&Job]) -> Result<Vec<Result<Processed, AttemptError>>, AttemptError> {
        let Some(first) = jobs.first() else { return Ok(Vec::new()) };
        let source = self.read(&first.source).await?;
        let overlay = match &first.overlay {
            Some(overlay) => Some(self.read(overlay).await?),
            None => None,
        };
        let (limits, time_limit) = (self.settings.limits.clone(), self.settings.job_timeout);
        let Some(batch) = first.batch else {
            let transformation = first.transformation.clone();
            let work = Work { source, overlay, transformation, limits, time_limit };
            return Ok(vec![Ok(self.ports.processor.process(work).await?)]);
        };
        let list = self.list(batch, jobs).await?;
        let place = |job: &&Job| list.iter().position(|(id, _)| *id == job.id);
        let wanted = jobs.iter().filter_map(place).collect();
        let transformations = list.into_iter().map(|(_, transformation)| transformation).collect();
        // Together they may take as long as one after the other.
        let time_limit = time_limit.saturating_mul(jobs.len() as u32);
        let work = BatchWork { source, overlay, transformations, wanted, limits, time_limit };
        let processed = self.ports.processor.process_batch(work).await?;
        Ok(processed.into_iter().map(|result| result.map_err(Into::into)).collect())
    }

    /// All that a batch asks for to be made together with `jobs`. A result depends on all of it, and not on what is left to be
    /// made: so it is the same at every attempt, whoever is in it.
    async fn list(&self, batch: Batch, jobs: &[&Job]) -> Result<Vec<(JobId, Transformation)>, AttemptError> {
        let all = batch.ids().map(|id| async move {
            match jobs.iter().find(|job| job.id == id) {
                Some(job) => Ok(Some((*job).clone())),
                None => self.ports.jobs.load(id).await,
            }
        });
        let mut list = Vec::new();
        // One that ended so long ago that it is forgotten is left out; then nothing is under way that could tell the difference.
        for job in future::try_join_all(all).await?.into_iter().flatten() {
            if job.is_made_with(jobs[0]) {
                list.push((job.id, job.transformation));
            }
        }
        Ok(list)
    }

    async fn store(
        &self,
        job: &Job,
        processed: Result<Processed, AttemptError>,
    ) -> Result<Made, AttemptError> {
        let Processed { bytes, format, width, height, alpha } = processed?;
        let (blob, hash) = (job.output_key(), ContentHash::of(&bytes));
        let content =
            Content { blob: blob.clone(), hash, bytes: bytes.len() as u64, format, width, height, alpha };
        self.ports.blobs.put_bytes(blob, bytes.clone()).await?;
        remember(&self.ports, &self.settings, &content, bytes.clone()).await;
        Ok(Made { content, file: Some(bytes) })
    }

    /// Makes a version of what is to be saved.
    async fn output(&self, job: &Job, Made { content, file }: Made) -> Result<Output, AttemptError> {
        if !job.save {
            return Ok(Output { content, version: None });
        }
        let file = match file {
            Some(file) => file,
            None => self.read(&content).await?,
        };
        let version = NewVersion {
            image: job.image,
            job: job.id,
            parent: job.source_version,
            content: content.clone(),
            description: self.describer.made(file).await,
        };
        match self.ports.images.add_version(version).await? {
            Some(number) => Ok(Output { content, version: Some(number) }),
            None => Err(AttemptError::source_missing()),
        }
    }

    async fn read(&self, content: &Content) -> Result<Bytes, AttemptError> {
        let bytes = self.ports.blobs.get_bytes(content.blob.clone(), content.bytes).await?;
        bytes.ok_or_else(AttemptError::source_missing)
    }
}
