//! Registration and login.

use std::sync::Arc;

use pixmill::{Password, Username};
use poem_openapi::OpenApi;

use crate::app::State;
use crate::faults;
use crate::json::Json;
use crate::problem::Problem;
use crate::rate_limit::{self, Visitor};
use crate::refusal::{CONFLICT, FORBIDDEN, IMPOSSIBLE, JSON_BODY, Refusal, TOO_MANY, UNAUTHENTICATED};
use crate::routes::Group;
use crate::wire::account::{Credentials, LoggedIn, Registered};

pub(crate) struct Accounts(pub(super) Arc<State>);

type RegisterRefusal = Refusal<{ JSON_BODY | FORBIDDEN | CONFLICT | IMPOSSIBLE | TOO_MANY }>;
type LoginRefusal = Refusal<{ JSON_BODY | UNAUTHENTICATED | TOO_MANY }>;

#[OpenApi(tag = "Group::Accounts")]
impl Accounts {
    /// Register
    ///
    /// Creates a user. Names keep their case, but two that differ in case alone can't both exist.
    #[oai(path = "/auth/register", method = "post", operation_id = "registerUser")]
    async fn register(
        &self,
        _visitor: Visitor,
        body: Json<Credentials>,
    ) -> Result<Json<Registered>, RegisterRefusal> {
        let Credentials { username, password } = body.0;
        let (username, password) = faults::credentials(&username, &password)?;
        self.0.services.accounts.register(username, password).await?;
        Ok(Json(Registered { message: "User registered successfully".to_owned() }))
    }

    /// Log in
    ///
    /// Answers a token. A wrong password and an unknown name get the same answer.
    #[oai(path = "/auth/login", method = "post", operation_id = "login")]
    async fn login(
        &self,
        _visitor: Visitor,
        body: Json<Credentials>,
    ) -> Result<Json<LoggedIn>, LoginRefusal> {
        let Credentials { username, password } = body.0;
        // What nobody can have registered with is wrong, not malformed.
        let username = Username::parse(&username).map_err(|_| faults::login_refused())?;
        let password = Password::parse(&password).map_err(|_| faults::login_refused())?;
        rate_limit::login(&self.0, &username).await?;
        let user = self.0.services.accounts.login(username, password).await?;
        let token = self.0.tokens.issue(user.id).map_err(|error| Problem::internal().with_cause(error))?;
        Ok(Json(LoggedIn { token, message: "Login successful".to_owned() }))
    }
}
