//! Registration, login, and one's own account.

use std::sync::Arc;

use pixmill::{Password, PasswordChangeError, Username};
use poem_openapi::OpenApi;

use crate::app::State;
use crate::auth::{Caller, Owner};
use crate::faults;
use crate::json::Json;
use crate::rate_limit::{self, Visitor};
use crate::refusal::{
    CONFLICT, FORBIDDEN, IMPOSSIBLE, JSON_BODY, Refusal, TOO_MANY, UNAUTHENTICATED, UNKNOWN,
};
use crate::reply::Deleted;
use crate::routes::Group;
use crate::wire::account::{AccountView, Credentials, LoggedIn, PasswordChange, Registered};

pub(crate) struct Accounts(pub(super) Arc<State>);

type RegisterRefusal = Refusal<{ JSON_BODY | FORBIDDEN | CONFLICT | IMPOSSIBLE | TOO_MANY }>;
type LoginRefusal = Refusal<{ JSON_BODY | UNAUTHENTICATED | FORBIDDEN | TOO_MANY }>;
type AccountRefusal = Refusal<{ UNAUTHENTICATED | UNKNOWN }>;
type PasswordRefusal = Refusal<{ JSON_BODY | UNAUTHENTICATED | FORBIDDEN | UNKNOWN | IMPOSSIBLE | TOO_MANY }>;
type DeleteRefusal = Refusal<{ UNAUTHENTICATED | UNKNOWN | TOO_MANY }>;

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
        Ok(Json(LoggedIn { token: self.0.logins.issue(&user)?, message: "Login successful".to_owned() }))
    }

    /// Look at your account
    ///
    /// Who you are, what you have, and what you may have.
    #[oai(path = "/account", method = "get", operation_id = "getAccount")]
    async fn account(&self, caller: Caller) -> Result<Json<AccountView>, AccountRefusal> {
        let user = self.0.services.accounts.get(caller.0).await?.ok_or_else(faults::unknown_account)?;
        let quotas = &self.0.services.quotas;
        Ok(Json(AccountView::new(&user, quotas.usage(user.id).await?, quotas.of(&user))))
    }

    /// Change your password
    ///
    /// Every token from before stops working, the one that this request was sent with too; the answer has a new
    /// one. 403 with the code `wrong_password` if the current password is another.
    #[oai(path = "/account/password", method = "post", operation_id = "changePassword")]
    async fn change_password(
        &self,
        owner: Owner,
        body: Json<PasswordChange>,
    ) -> Result<Json<LoggedIn>, PasswordRefusal> {
        let PasswordChange { current_password, new_password } = body.0;
        let new = faults::new_password(&new_password)?;
        rate_limit::password(&self.0, owner.0).await?;
        // What can't be anybody's password is wrong, not malformed.
        let current = Password::parse(&current_password).map_err(|_| PasswordChangeError::Refused)?;
        let user = self.0.services.accounts.change_password(owner.0, current, new).await?;
        self.0.logins.learn(user.id, Some(&user));
        Ok(Json(LoggedIn { token: self.0.logins.issue(&user)?, message: "Password changed".to_owned() }))
    }

    /// Delete your account
    ///
    /// Deletes you with all your images, versions, results and jobs. Your tokens stop working, and your name is
    /// free again after some time.
    #[oai(path = "/account", method = "delete", operation_id = "deleteAccount")]
    async fn delete(&self, owner: Owner) -> Result<Deleted, DeleteRefusal> {
        let deleted = self.0.services.accounts.delete(owner.0).await?;
        self.0.logins.learn(owner.0, None);
        if deleted { Ok(Deleted) } else { Err(faults::unknown_account().into()) }
    }
}
