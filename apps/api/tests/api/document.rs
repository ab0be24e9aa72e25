//! The OpenAPI document, and the page that shows it.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::support::TestApp;

/// Any JSON in which no object has a key twice.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some((key, Unique)) = map.next_entry::<String, Unique>()? {
            if !keys.insert(key.clone()) {
                return Err(A::Error::custom(format!("{key} is there twice")));
            }
        }
        Ok(Unique)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Unique, A::Error> {
        while sequence.next_element::<Unique>()?.is_some() {}
        Ok(Unique)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(Unique)
    }
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    });
    all.collect()
}

#[test]
fn no_key_is_there_twice() {
    let document = pixmill_api::document();
    if let Err(error) = serde_json::from_str::<Unique>(&document) {
        panic!("{error}");
    }
    assert!(
        serde_json::from_str::<Unique>(r#"{"a":{"b":1,"b":2}}"#).is_err(),
        "the check itself does not work"
    );
}

#[test]
fn the_document_is_always_the_same() {
    assert_eq!(pixmill_api::document(), pixmill_api::document());
    assert!(pixmill_api::document().ends_with("}\n"));
}

#[test]
fn every_operation_is_named_and_complete() {
    let document: Value = serde_json::from_str(&pixmill_api::document()).unwrap();
    let operations = operations(&document);
    let mut ids = BTreeSet::new();
    for (name, operation) in &operations {
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{name} has no id"));
        assert!(ids.insert(id), "{id} is there twice");
        assert!(operation["summary"].is_string() && operation["description"].is_string(), "{name}");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{name}");
        let responses = operation["responses"].as_object().unwrap();
        let open = ["registerUser", "login", "getLiveness", "getReadiness"].contains(&id);
        assert_eq!(operation["security"].is_array(), !open, "{name}");
        assert!(open || responses.contains_key("401"), "{name}");
        for (status, response) in responses {
            let problem = response["content"]["application/problem+json"]["schema"]["$ref"].as_str();
            let health = id.starts_with("get") && id.ends_with("ness");
            let expected = (status.as_str() >= "400" && !health).then_some("#/components/schemas/Problem");
            assert_eq!(problem, expected, "{name} {status}");
        }
    }
    let expected = [
        "addUser",
        "cancelAnyJob",
        "cancelJob",
        "changePassword",
        "changeUser",
        "createApiKey",
        "deleteAccount",
        "deleteImage",
        "deleteUser",
        "followJob",
        "getAccount",
        "getImage",
        "getImageContent",
        "getJob",
        "getJobStatus",
        "getLiveness",
        "getReadiness",
        "getTransformedImage",
        "getUser",
        "listAllJobs",
        "listApiKeys",
        "listImages",
        "listJobs",
        "listUsers",
        "listVersions",
        "login",
        "redoVersion",
        "redriveJob",
        "registerUser",
        "restoreVersion",
        "revokeApiKey",
        "transformImage",
        "transformImageBatch",
        "undoVersion",
        "uploadImage",
    ];
    assert_eq!(ids.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn parameters_of_paths_are_described() {
    let document: Value = serde_json::from_str(&pixmill_api::document()).unwrap();
    for (name, operation) in operations(&document) {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let named = |parameter: &Value| {
            parameter["in"] == "path"
                && name.contains(&format!("{{{}}}", parameter["name"].as_str().unwrap()))
        };
        assert_eq!(
            parameters.iter().filter(|parameter| named(parameter)).count(),
            name.matches('{').count(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_document_is_served() {
    let app = TestApp::new();
    let answer = app.get("/openapi.json").send().await.ok();
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.body, pixmill_api::document());
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let app = TestApp::new();
    let answer = app.get("/docs").send().await.ok();
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("http"), "{policy}");
    let page = String::from_utf8_lossy(&answer.body);
    assert!(!page.contains("<script src") && !page.contains("<link"), "the page loads something");
    assert!(page.contains("transformImage"));
}
