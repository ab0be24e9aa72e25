//! What operators and admins may do with users and jobs, and what nobody else may.

use pixmill::{Password, Role, Username};
use serde_json::{Value, json};

use crate::support::{PASSWORD, TestApp};

/// A token of a new user with this role.
async fn staff(app: &TestApp, username: &str, role: Role) -> String {
    let name = Username::parse(username).unwrap();
    app.services.user_admin.add(name, Password::parse(PASSWORD).unwrap(), role).await.unwrap();
    let credentials = json!({"username": username, "password": PASSWORD});
    let login = app.post("/auth/login").json(&credentials).send().await.ok();
    login.json()["token"].as_str().unwrap().to_owned()
}

async fn id(app: &TestApp, token: &str) -> String {
    app.get("/account").token(token).send().await.ok().json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_role_may_do_what_is_its_own() {
    let app = TestApp::new();
    let anna = app.user("anna").await;
    let (operator, admin) =
        (staff(&app, "otto", Role::Operator).await, staff(&app, "ada", Role::Admin).await);
    let anna_id = id(&app, &anna).await;
    let user = format!("/admin/users/{anna_id}");
    let add = json!({"username": "bert", "password": PASSWORD, "role": "user"});
    let calls: [(&str, &str, Option<Value>, Role); 7] = [
        ("GET", "/admin/users", None, Role::Operator),
        ("GET", &user, None, Role::Operator),
        ("GET", "/admin/jobs", None, Role::Operator),
        ("DELETE", "/admin/jobs/671cd3df6b14c65a5537b3b3", None, Role::Operator),
        ("POST", "/admin/users", Some(add), Role::Admin),
        ("PATCH", &user, Some(json!({"disabled": false})), Role::Admin),
        ("DELETE", &user, None, Role::Admin),
    ];
    for (method, path, body, needed) in calls {
        for (token, role) in [(&anna, Role::User), (&operator, Role::Operator), (&admin, Role::Admin)] {
            let call = app.request(method.parse().unwrap(), path).token(token);
            let call = if let Some(body) = &body { call.json(body) } else { call };
            let answer = call.send().await;
            if role < needed {
                answer.problem(403, "role_needed");
            } else {
                assert!(![401, 403].contains(&answer.status.as_u16()), "{method} {path}: {answer:?}");
            }
        }
        app.request(method.parse().unwrap(), path).send().await.problem(401, "token_missing");
    }
}

#[tokio::test]
async fn a_key_leads_no_further_than_its_scopes() {
    let app = TestApp::new();
    let admin = staff(&app, "ada", Role::Admin).await;
    let key = async |scopes: Value| {
        let body = json!({"name": "a", "scopes": scopes});
        let made = app.post("/account/keys").token(&admin).json(&body).send().await.ok().json();
        made["key"].as_str().unwrap().to_owned()
    };
    let plain = key(json!(["read", "write"])).await;
    app.get("/admin/users").token(&plain).send().await.problem(403, "insufficient_scope");
    app.get("/admin/users").token(&key(json!(["admin"])).await).send().await.ok();
}

#[tokio::test]
async fn users_are_listed_added_changed_and_deleted() {
    let app = TestApp::with(|_| {}, |settings| settings.allow_registration = false);
    let admin = staff(&app, "ada", Role::Admin).await;
    let body = json!({"username": "Bert", "password": PASSWORD, "role": "operator"});
    let added = app.post("/admin/users").token(&admin).json(&body).send().await;
    assert_eq!(added.status, 201);
    let user = added.json();
    let path = format!("/admin/users/{}", user["id"].as_str().unwrap());
    assert_eq!(added.header("location"), path);
    assert_eq!(
        (&user["username"], &user["role"], &user["disabled"]),
        (&json!("Bert"), &json!("operator"), &json!(false))
    );
    app.post("/admin/users").token(&admin).json(&body).send().await.problem(409, "username_taken");

    let mut listed = Vec::new();
    let mut after = String::new();
    loop {
        let page = app.get(&format!("/admin/users?limit=1{after}")).token(&admin).send().await.ok().json();
        listed.extend(page["items"].as_array().unwrap().iter().map(|user| user["username"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    listed.sort_by_key(ToString::to_string);
    assert_eq!(listed, [json!("Bert"), json!("ada")]);

    let login = app.post("/auth/login").json(&json!({"username": "bert", "password": PASSWORD}));
    let bert = login.send().await.ok().json()["token"].as_str().unwrap().to_owned();
    app.get("/admin/users").token(&bert).send().await.ok();
    let change = async |body: Value| {
        app.request("PATCH".parse().unwrap(), &path).token(&admin).json(&body).send().await
    };
    assert_eq!(change(json!({"role": "user"})).await.ok().json()["role"], "user");
    app.get("/admin/users").token(&bert).send().await.problem(403, "role_needed");
    assert_eq!(change(json!({"disabled": true})).await.ok().json()["disabled"], true);
    app.get("/account").token(&bert).send().await.problem(401, "token_revoked");
    change(json!({"role": null})).await.problem(400, "invalid_request");
    change(json!({"name": "x"})).await.problem(400, "invalid_request");
    assert_eq!(change(json!({})).await.ok().json()["role"], "user", "what is absent stays");

    assert_eq!(app.delete(&path).token(&admin).send().await.status, 204);
    app.get(&path).token(&admin).send().await.problem(404, "unknown_user");
    change(json!({"disabled": false})).await.problem(404, "unknown_user");
    app.delete(&path).token(&admin).send().await.problem(404, "unknown_user");
}

#[tokio::test]
async fn nobody_locks_themselves_out() {
    let app = TestApp::new();
    let admin = staff(&app, "ada", Role::Admin).await;
    let own = format!("/admin/users/{}", id(&app, &admin).await);
    app.delete(&own).token(&admin).send().await.problem(409, "own_account");
    for body in [json!({"role": "user"}), json!({"disabled": true})] {
        let call = app.request("PATCH".parse().unwrap(), &own).token(&admin).json(&body);
        call.send().await.problem(409, "own_account");
    }
}

#[tokio::test]
async fn operators_see_and_end_everybodys_jobs() {
    let app = TestApp::new();
    let operator = staff(&app, "otto", Role::Operator).await;
    let (anna, bob) = (app.user("anna").await, app.user("bob").await);
    let (first, second) = (app.image(&anna).await, app.image(&bob).await);
    let done = app.job(&anna, &first, true).await;
    app.work().await;
    let open = app.job(&bob, &second, false).await;

    let listed = app.get("/admin/jobs").token(&operator).send().await.ok().json();
    let mut jobs: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["userId"].clone(), item["job"]["id"].clone()))
        .collect();
    jobs.sort_by_key(|(_, job)| *job != json!(done));
    assert_eq!(
        jobs,
        [(json!(id(&app, &anna).await), json!(done)), (json!(id(&app, &bob).await), json!(open))]
    );
    assert!(!listed.to_string().contains("signature"), "operators see jobs, not pictures");
    let queued = app.get("/admin/jobs?state=queued").token(&operator).send().await.ok().json();
    assert_eq!(queued["items"].as_array().unwrap().len(), 1);

    let cancel = async |job: &str| app.delete(&format!("/admin/jobs/{job}")).token(&operator).send().await;
    for _ in 0..2 {
        assert_eq!(cancel(&open).await.ok().json()["job"]["state"], "cancelled");
    }
    cancel(&done).await.problem(409, "job_finished");
    cancel("671cd3df6b14c65a5537b3b3").await.problem(404, "unknown_job");
    let seen = app.get(&format!("/jobs/{open}")).token(&bob).send().await.ok().json();
    assert_eq!(seen["state"], "cancelled");
}
