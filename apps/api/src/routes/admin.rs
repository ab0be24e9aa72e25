//! Users and jobs for whoever runs the service: operators see all and end jobs, admins change users.

use std::sync::Arc;

use pixmill::ports::{Cancellation, PageRequest};
use pixmill::{JobId, JobStatus, Role, UserId};
use poem::http::header::LOCATION;
use poem::http::{HeaderValue, StatusCode};
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaResponses, Registry};
use poem_openapi::types::{MaybeUndefined, Type};
use poem_openapi::{ApiResponse, OpenApi};

use crate::app::State;
use crate::auth::{Admin, Operator};
use crate::faults::{self, job_finished, no_dead_letter, own_account, unknown_job, unknown_user};
use crate::json::Json;
use crate::params::{Limit, Path, Query};
use crate::problem::Problem;
use crate::refusal::{
    CONFLICT, IMPOSSIBLE, JSON_BODY, MALFORMED, Refusal, TOO_MANY, UNAUTHENTICATED, UNKNOWN,
};
use crate::reply::{self, Deleted};
use crate::routes::Group;
use crate::wire::admin::{NewUser, OwnedJob, OwnedJobList, UserList, UserPatch, UserView};

pub(crate) struct Administration(pub(super) Arc<State>);

type ListRefusal = Refusal<{ MALFORMED | UNAUTHENTICATED }>;
type GetRefusal = Refusal<{ UNAUTHENTICATED | UNKNOWN }>;
type AddRefusal = Refusal<{ JSON_BODY | UNAUTHENTICATED | CONFLICT | IMPOSSIBLE | TOO_MANY }>;
type ChangeRefusal = Refusal<{ JSON_BODY | UNAUTHENTICATED | UNKNOWN | CONFLICT | TOO_MANY }>;
type DeleteRefusal = Refusal<{ UNAUTHENTICATED | UNKNOWN | CONFLICT | TOO_MANY }>;
type CancelRefusal = Refusal<{ UNAUTHENTICATED | UNKNOWN | CONFLICT }>;

#[OpenApi(tag = "Group::Operators")]
impl Administration {
    /// List users
    ///
    /// All users, newest first, in pages. For operators.
    #[oai(path = "/admin/users", method = "get", operation_id = "listUsers")]
    async fn users(
        &self,
        _operator: Operator,
        /// How many at most.
        limit: Query<Limit>,
        /// Continue after the user with this id: the `next` of the page before.
        after: Query<UserId>,
    ) -> Result<Json<UserList>, ListRefusal> {
        let request = PageRequest { after: after.0, limit: limit.number() };
        let page = self.0.services.user_admin.list(request).await?;
        let next = page.items.last().filter(|_| page.more).map(|last| last.id.to_string());
        Ok(Json(UserList { items: page.items.into_iter().map(UserView::from).collect(), next }))
    }

    /// Add a user
    ///
    /// Whether strangers may register or not. For admins.
    #[oai(path = "/admin/users", method = "post", operation_id = "addUser")]
    async fn add(&self, _admin: Admin, body: Json<NewUser>) -> Result<Added, AddRefusal> {
        let NewUser { username, password, role } = body.0;
        let (username, password) = faults::credentials(&username, &password)?;
        let id = self.0.services.user_admin.add(username, password, role.into()).await?;
        Ok(Added(self.find(id).await?))
    }

    /// Look at a user
    ///
    /// For operators.
    #[oai(path = "/admin/users/:id", method = "get", operation_id = "getUser")]
    async fn user(&self, _operator: Operator, id: Path<UserId>) -> Result<Json<UserView>, GetRefusal> {
        Ok(Json(self.find(id.0).await?))
    }

    /// Change a user
    ///
    /// The role, the quota, and whether the account is closed. For admins, and for the accounts of others: 409 with the code
    /// `own_account` otherwise.
    #[oai(path = "/admin/users/:id", method = "patch", operation_id = "changeUser")]
    async fn change(
        &self,
        admin: Admin,
        id: Path<UserId>,
        body: Json<UserPatch>,
    ) -> Result<Json<UserView>, ChangeRefusal> {
        let (id, UserPatch { role, disabled, quota }) = (id.0, body.0);
        if id == admin.0 {
            return Err(own_account().into());
        }
        let users = &self.0.services.user_admin;
        if let Some(role) = role {
            let user = users.set_role(id, Role::from(role)).await?.ok_or_else(unknown_user)?;
            self.0.logins.learn(id, Some(&user));
        }
        if let Some(disabled) = disabled {
            let user = users.set_disabled(id, disabled).await?.ok_or_else(unknown_user)?;
            self.0.logins.learn(id, Some(&user));
        }
        let quota = match quota {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(quota) => Some(Some(quota.into())),
        };
        if let Some(quota) = quota {
            let user = users.set_quota(id, quota).await?.ok_or_else(unknown_user)?;
            self.0.services.quotas.learn(&user);
        }
        Ok(Json(self.find(id).await?))
    }

    /// Delete a user
    ///
    /// With all images, versions, results and jobs. For admins, and for the accounts of others.
    #[oai(path = "/admin/users/:id", method = "delete", operation_id = "deleteUser")]
    async fn delete(&self, admin: Admin, id: Path<UserId>) -> Result<Deleted, DeleteRefusal> {
        let id = id.0;
        if id == admin.0 {
            return Err(own_account().into());
        }
        if !self.0.services.accounts.delete(id).await? {
            return Err(unknown_user().into());
        }
        self.0.logins.learn(id, None);
        Ok(Deleted)
    }

    /// List everybody's jobs
    ///
    /// Newest first, in pages. For operators.
    #[oai(path = "/admin/jobs", method = "get", operation_id = "listAllJobs")]
    async fn jobs(
        &self,
        _operator: Operator,
        /// Only jobs in this state.
        state: Query<JobStatus>,
        /// How many at most.
        limit: Query<Limit>,
        /// Continue after the job with this id: the `next` of the page before.
        after: Query<JobId>,
    ) -> Result<Json<OwnedJobList>, ListRefusal> {
        let request = PageRequest { after: after.0, limit: limit.number() };
        let page = self.0.services.results.list(None, state.0, request).await?;
        let next = page.items.last().filter(|_| page.more).map(|last| last.id.to_string());
        Ok(Json(OwnedJobList { items: page.items.into_iter().map(OwnedJob::from).collect(), next }))
    }

    /// Cancel anybody's job
    ///
    /// As its owner could. For operators.
    #[oai(path = "/admin/jobs/:id", method = "delete", operation_id = "cancelAnyJob")]
    async fn cancel(&self, _operator: Operator, id: Path<JobId>) -> Result<Json<OwnedJob>, CancelRefusal> {
        let results = &self.0.services.results;
        let job = results.load(id.0).await?.ok_or_else(unknown_job)?;
        match results.cancel(job.owner, id.0).await? {
            Cancellation::Cancelled(job) => Ok(Json((*job).into())),
            Cancellation::Finished(JobStatus::Cancelled) => {
                Ok(Json(results.load(id.0).await?.ok_or_else(unknown_job)?.into()))
            }
            Cancellation::Finished(status) => Err(job_finished(status).into()),
            Cancellation::Unknown => Err(unknown_job().into()),
        }
    }

    /// Open a failed job anew
    ///
    /// If it failed for a reason that may have passed, such as a system that was away: it gets all its attempts again and
    /// goes on with the next sweep. Not within ten minutes of its end, until what it left is removed. For operators.
    #[oai(path = "/admin/jobs/:id/redrive", method = "post", operation_id = "redriveJob")]
    async fn redrive(&self, _operator: Operator, id: Path<JobId>) -> Result<Json<OwnedJob>, CancelRefusal> {
        let services = &self.0.services;
        let job = services.results.load(id.0).await?.ok_or_else(unknown_job)?;
        match services.dead_letters.redrive(job.id, job.generation()).await? {
            Some(job) => Ok(Json(job.into())),
            None => Err(no_dead_letter(&job).into()),
        }
    }

    async fn find(&self, id: UserId) -> Result<UserView, Problem> {
        Ok(self.0.services.accounts.get(id).await?.ok_or_else(unknown_user)?.into())
    }
}

struct Added(UserView);

impl IntoResponse for Added {
    fn into_response(self) -> Response {
        let location = format!("/admin/users/{}", self.0.id);
        let mut response = Json(self.0).response(StatusCode::CREATED);
        let location = HeaderValue::try_from(location).expect("ids are visible ASCII");
        response.headers_mut().insert(LOCATION, location);
        response
    }
}

impl ApiResponse for Added {
    fn meta() -> MetaResponses {
        let location = reply::header::<String>("Location", "The path of the user.");
        reply::success(201, "The user is added.", vec![reply::json::<UserView>()], vec![location])
    }

    fn register(registry: &mut Registry) {
        UserView::register(registry);
    }
}
