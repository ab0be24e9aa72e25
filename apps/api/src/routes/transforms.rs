//! Asking for transformations, polling, and fetching results.

use std::sync::Arc;

use pixmill::{ImageId, JobId, TransformedImage};
use poem::http::header::{LOCATION, RETRY_AFTER};
use poem::http::{HeaderValue, StatusCode};
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaResponses, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, OpenApi};

use crate::app::State;
use crate::auth::{Caller, Writer};
use crate::detached::detached;
use crate::faults::{
    self, POLL_AFTER, invalid_transformation, job_cancelled, job_failed, job_pending, unknown_job,
};
use crate::json::Json;
use crate::params::{Once, Path};
use crate::picture::{Conditions, Picture, REVALIDATE};
use crate::refusal::{
    CONFLICT, GONE, IMPOSSIBLE, JSON_BODY, OUT_OF_RANGE, Refusal, TOO_MANY, UNAUTHENTICATED, UNKNOWN,
};
use crate::reply;
use crate::room::Room;
use crate::routes::Group;
use crate::wire::job::{StatusView, Submitted, SubmittedBatch, SubmittedJob};
use crate::wire::transform::TransformBody;
use crate::wire::transform::batch::BatchBody;

pub(crate) struct Transforms(pub(super) Arc<State>);

type TransformRefusal = Refusal<{ JSON_BODY | UNAUTHENTICATED | UNKNOWN | CONFLICT | IMPOSSIBLE | TOO_MANY }>;
type StatusRefusal = Refusal<{ UNAUTHENTICATED | UNKNOWN }>;
type ResultRefusal = Refusal<{ UNAUTHENTICATED | UNKNOWN | CONFLICT | GONE | OUT_OF_RANGE }>;

#[OpenApi(tag = "Group::Transformations")]
impl Transforms {
    /// Transform an image
    ///
    /// Accepts a job that makes a new picture of an image. What can be told from the request and the image's
    /// header is checked at once; the rest is done later, and the job's status says how it went.
    ///
    /// With an `Idempotency-Key` the request can be sent again without a second job: the answer is that of the
    /// first for 24 hours. Another request under the same key is 422, one while the first is worked on 409.
    #[oai(path = "/images/transform/:imageId", method = "post", operation_id = "transformImage")]
    async fn transform(
        &self,
        writer: Writer,
        _room: Room,
        /// The image to start from. It is not changed.
        #[oai(name = "imageId")]
        image_id: Path<ImageId>,
        /// Your name for this request, such as a UUID.
        #[oai(name = "Idempotency-Key")]
        once: Once,
        body: Json<TransformBody>,
    ) -> Result<Accepted, TransformRefusal> {
        let submission = body.0.into_submission(image_id.0).map_err(invalid_transformation)?;
        let submissions = &self.0.services.submissions;
        let Some(key) = once.0 else { return Ok(Accepted(submissions.submit(writer.0, submission).await?)) };
        let submissions = submissions.clone();
        let once = async move { submissions.submit_once(writer.0, key, submission).await };
        Ok(Accepted(detached(once).await??))
    }

    /// Transform an image in several ways
    ///
    /// Accepts a job for each of the outputs, all of them or none. The image is decoded once for those that a worker makes
    /// together, so this is faster than a request for each, and every job has its own status, result and end as if it had been
    /// asked for alone. A result may differ in the last bits of its pixels from the one that is made alone.
    ///
    /// With an `Idempotency-Key` the request can be sent again without more jobs: the answer is that of the first for 24
    /// hours. Another request under the same key is 422, one while the first is worked on 409.
    #[oai(path = "/images/transform/:imageId/batch", method = "post", operation_id = "transformImageBatch")]
    async fn transform_batch(
        &self,
        writer: Writer,
        _room: Room,
        /// The image to start from. It is not changed.
        #[oai(name = "imageId")]
        image_id: Path<ImageId>,
        /// Your name for this request, such as a UUID.
        #[oai(name = "Idempotency-Key")]
        once: Once,
        body: Json<BatchBody>,
    ) -> Result<AcceptedBatch, TransformRefusal> {
        let submission = body.0.into_submission(image_id.0).map_err(invalid_transformation)?;
        let submissions = self.0.services.submissions.clone();
        let Some(key) = once.0 else {
            return Ok(AcceptedBatch(submissions.submit_batch(writer.0, submission).await?));
        };
        let once = async move { submissions.submit_batch_once(writer.0, key, submission).await };
        Ok(AcceptedBatch(detached(once).await??))
    }

    /// Poll a job
    ///
    /// Where a job stands. `imageUrl` leads to the result if it was saved; if it was not, fetch it from
    /// `/images/transformedImage/{jobId}`.
    #[oai(path = "/api/JobStatus/:jobId", method = "get", operation_id = "getJobStatus")]
    async fn status(
        &self,
        caller: Caller,
        #[oai(name = "jobId")] job_id: Path<JobId>,
    ) -> Result<Json<StatusView>, StatusRefusal> {
        let results = &self.0.services.results;
        let job = results.job(caller.0, job_id.0).await?.ok_or_else(unknown_job)?;
        let url = results.saved_url(&job).await?;
        Ok(Json(StatusView::new(job, url)))
    }

    /// Fetch a result
    ///
    /// The bytes that a job made, saved or not. Understands `If-None-Match`, `Range` and `If-Range`.
    #[oai(path = "/images/transformedImage/:jobId", method = "get", operation_id = "getTransformedImage")]
    async fn result(
        &self,
        caller: Caller,
        #[oai(name = "jobId")] job_id: Path<JobId>,
        conditions: Conditions,
    ) -> Result<Picture, ResultRefusal> {
        let (results, library, id) = (&self.0.services.results, &self.0.services.library, job_id.0);
        let content = match results.transformed(caller.0, id).await?.ok_or_else(unknown_job)? {
            TransformedImage::Ready(content) => content,
            TransformedImage::Pending => return Err(job_pending(id).into()),
            TransformedImage::Failed(failure) => return Err(job_failed(&failure).into()),
            TransformedImage::Cancelled => return Err(job_cancelled().into()),
            TransformedImage::Expired => return Err(faults::result_expired().into()),
        };
        let gone = faults::result_expired;
        Ok(Picture::open(library, &content, &conditions, id, REVALIDATE, gone).await?)
    }
}

struct Accepted(JobId);

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        let Self(id) = self;
        let body = Submitted { message: "Job submitted successfully".to_owned(), job_id: id.to_string() };
        let mut response = Json(body).response(StatusCode::ACCEPTED);
        let location = HeaderValue::try_from(format!("/jobs/{id}")).expect("ids are visible ASCII");
        response.headers_mut().insert(LOCATION, location);
        response.headers_mut().insert(RETRY_AFTER, POLL_AFTER.as_secs().into());
        response
    }
}

impl ApiResponse for Accepted {
    fn meta() -> MetaResponses {
        let headers = vec![
            reply::header::<String>("Location", "The path of the job."),
            reply::header::<u32>("Retry-After", "Seconds to wait before polling."),
        ];
        reply::success(202, "The job is accepted.", vec![reply::json::<Submitted>()], headers)
    }

    fn register(registry: &mut Registry) {
        Submitted::register(registry);
    }
}

struct AcceptedBatch(Vec<JobId>);

impl IntoResponse for AcceptedBatch {
    fn into_response(self) -> Response {
        let jobs = self.0.into_iter().map(|id| SubmittedJob { job_id: id.to_string() });
        let message = "Jobs submitted successfully".to_owned();
        let body = SubmittedBatch { message, jobs: jobs.collect() };
        let mut response = Json(body).response(StatusCode::ACCEPTED);
        response.headers_mut().insert(RETRY_AFTER, POLL_AFTER.as_secs().into());
        response
    }
}

impl ApiResponse for AcceptedBatch {
    fn meta() -> MetaResponses {
        let headers = vec![reply::header::<u32>("Retry-After", "Seconds to wait before polling.")];
        reply::success(202, "The jobs are accepted.", vec![reply::json::<SubmittedBatch>()], headers)
    }

    fn register(registry: &mut Registry) {
        SubmittedBatch::register(registry);
    }
}
