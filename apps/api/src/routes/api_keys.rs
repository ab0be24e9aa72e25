//! One's own API keys: making, listing and revoking them.

use std::sync::Arc;

use pixmill::{ApiKeyId, KeyScope};
use poem::http::header::LOCATION;
use poem::http::{HeaderValue, StatusCode};
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaResponses, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, OpenApi};

use crate::app::State;
use crate::auth::{Caller, Owner};
use crate::faults::{key_days, key_name, unknown_key};
use crate::json::Json;
use crate::params::Path;
use crate::refusal::{CONFLICT, IMPOSSIBLE, JSON_BODY, Refusal, TOO_MANY, UNAUTHENTICATED, UNKNOWN};
use crate::reply::{self, Deleted};
use crate::routes::Group;
use crate::wire::api_key::{ApiKeyList, ApiKeyMade, ApiKeyRequest, ApiKeyView};

pub(crate) struct ApiKeys(pub(super) Arc<State>);

type MakeRefusal = Refusal<{ JSON_BODY | UNAUTHENTICATED | CONFLICT | IMPOSSIBLE | TOO_MANY }>;
type ListRefusal = Refusal<{ UNAUTHENTICATED }>;
type RevokeRefusal = Refusal<{ UNAUTHENTICATED | UNKNOWN | TOO_MANY }>;

#[OpenApi(tag = "Group::Accounts")]
impl ApiKeys {
    /// Make an API key
    ///
    /// For programs that work on your behalf: a key is sent where a token would be, and can do what its scopes say.
    /// The key itself is in this answer only. A new password leaves it as it is. Keys can't make or revoke
    /// keys, change the password or delete the account. 409 with the code `too_many_keys` if you have 50.
    #[oai(path = "/account/keys", method = "post", operation_id = "createApiKey")]
    async fn make(&self, owner: Owner, body: Json<ApiKeyRequest>) -> Result<Made, MakeRefusal> {
        let ApiKeyRequest { name, scopes, expires_in_days } = body.0;
        let (name, ttl) = (key_name(&name)?, expires_in_days.map(key_days).transpose()?);
        let scopes = scopes.into_iter().map(KeyScope::from).collect();
        let (key, token) = self.0.services.keys.make(owner.0, name, scopes, ttl).await?;
        Ok(Made(ApiKeyMade { key: token.expose().expose().to_owned(), api_key: key.into() }))
    }

    /// List API keys
    ///
    /// Your keys, newest first, those that have ended too.
    #[oai(path = "/account/keys", method = "get", operation_id = "listApiKeys")]
    async fn list(&self, caller: Caller) -> Result<Json<ApiKeyList>, ListRefusal> {
        let keys = self.0.services.keys.list(caller.0).await?;
        Ok(Json(ApiKeyList { items: keys.into_iter().map(ApiKeyView::from).collect() }))
    }

    /// Revoke an API key
    ///
    /// It stops working, here at once and on other servers of the service within seconds.
    #[oai(path = "/account/keys/:id", method = "delete", operation_id = "revokeApiKey")]
    async fn revoke(&self, owner: Owner, id: Path<ApiKeyId>) -> Result<Deleted, RevokeRefusal> {
        if !self.0.services.keys.revoke(owner.0, id.0).await? {
            return Err(unknown_key().into());
        }
        self.0.logins.forget_key(id.0);
        Ok(Deleted)
    }
}

struct Made(ApiKeyMade);

impl IntoResponse for Made {
    fn into_response(self) -> Response {
        let location = format!("/account/keys/{}", self.0.api_key.id);
        let mut response = Json(self.0).response(StatusCode::CREATED);
        let location = HeaderValue::try_from(location).expect("ids are visible ASCII");
        response.headers_mut().insert(LOCATION, location);
        response
    }
}

impl ApiResponse for Made {
    fn meta() -> MetaResponses {
        let location = reply::header::<String>("Location", "The path of the key.");
        reply::success(201, "The key is made.", vec![reply::json::<ApiKeyMade>()], vec![location])
    }

    fn register(registry: &mut Registry) {
        ApiKeyMade::register(registry);
    }
}
