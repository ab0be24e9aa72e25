//! Looking at jobs in full, and ending them.

use std::sync::Arc;

use pixmill::ports::{Cancellation, PageRequest};
use pixmill::{Job, JobId, JobStatus};
use poem::http::StatusCode;
use poem::http::header::LINK;
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaResponses, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, OpenApi};

use crate::app::State;
use crate::auth::{Caller, Writer};
use crate::faults::{job_finished, unknown_job};
use crate::json::Json;
use crate::params::{Limit, Path, Query};
use crate::problem::Problem;
use crate::refusal::{CONFLICT, MALFORMED, Refusal, TOO_MANY, UNAUTHENTICATED, UNKNOWN};
use crate::reply;
use crate::routes::Group;
use crate::routes::images::next_link;
use crate::wire::job::{JobList, JobView};

pub(crate) struct Jobs(pub(super) Arc<State>);

type ListRefusal = Refusal<{ MALFORMED | UNAUTHENTICATED }>;
type GetRefusal = Refusal<{ UNAUTHENTICATED | UNKNOWN }>;
type CancelRefusal = Refusal<{ UNAUTHENTICATED | UNKNOWN | CONFLICT | TOO_MANY }>;

#[OpenApi(tag = "Group::Jobs")]
impl Jobs {
    /// List jobs
    ///
    /// Your jobs, newest first, in pages.
    #[oai(path = "/jobs", method = "get", operation_id = "listJobs")]
    async fn list(
        &self,
        caller: Caller,
        /// Only jobs in this state.
        state: Query<JobStatus>,
        /// How many at most.
        limit: Query<Limit>,
        /// Continue after the job with this id: the `next` of the page before.
        after: Query<JobId>,
    ) -> Result<JobPage, ListRefusal> {
        let (state, limit) = (state.0, limit.number());
        let request = PageRequest { after: after.0, limit };
        let page = self.0.services.results.list(Some(caller.0), state, request).await?;
        let next = page.items.last().filter(|_| page.more).map(|last| last.id.to_string());
        let mut items = Vec::with_capacity(page.items.len());
        for job in page.items {
            items.push(view(&self.0, job).await?);
        }
        Ok(JobPage { list: JobList { items, next }, state, limit })
    }

    /// Look at a job
    ///
    /// Everything about a job, from submission to result.
    #[oai(path = "/jobs/:id", method = "get", operation_id = "getJob")]
    async fn get(&self, caller: Caller, id: Path<JobId>) -> Result<Json<JobView>, GetRefusal> {
        let job = self.0.services.results.job(caller.0, id.0).await?.ok_or_else(unknown_job)?;
        Ok(Json(view(&self.0, job).await?))
    }

    /// Cancel a job
    ///
    /// Ends a job before it is done. A job that is cancelled already stays so; one that is completed or failed
    /// can't be cancelled any more.
    #[oai(path = "/jobs/:id", method = "delete", operation_id = "cancelJob")]
    async fn cancel(&self, writer: Writer, id: Path<JobId>) -> Result<Json<JobView>, CancelRefusal> {
        match self.0.services.results.cancel(writer.0, id.0).await? {
            Cancellation::Cancelled(job) => Ok(Json(view(&self.0, *job).await?)),
            Cancellation::Finished(JobStatus::Cancelled) => {
                let job = self.0.services.results.job(writer.0, id.0).await?.ok_or_else(unknown_job)?;
                Ok(Json(view(&self.0, job).await?))
            }
            Cancellation::Finished(status) => Err(job_finished(status).into()),
            Cancellation::Unknown => Err(unknown_job().into()),
        }
    }
}

/// A job as clients see it, with a fresh link to what it saved.
pub(super) async fn view(state: &State, job: Job) -> Result<JobView, Problem> {
    let url = state.services.results.saved_url(&job).await?;
    Ok(JobView::new(job, url))
}

struct JobPage {
    list: JobList,
    state: Option<JobStatus>,
    limit: usize,
}

impl IntoResponse for JobPage {
    fn into_response(self) -> Response {
        let mut response = Json(&self.list).response(StatusCode::OK);
        if let Some(next) = &self.list.next {
            let state = self.state.map(|state| format!("state={}&", state.name())).unwrap_or_default();
            response.headers_mut().insert(LINK, next_link("/jobs", &state, self.limit, next));
        }
        response
    }
}

impl ApiResponse for JobPage {
    fn meta() -> MetaResponses {
        let link =
            reply::header::<Option<String>>("Link", "The next page, as rel=\"next\", if there is one.");
        reply::success(200, "The jobs.", vec![reply::json::<JobList>()], vec![link])
    }

    fn register(registry: &mut Registry) {
        JobList::register(registry);
    }
}
