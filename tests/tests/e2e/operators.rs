//! What an operator does with users from the command line, beside a server at work and without one.

use pixmill_e2e::{Client, Ended, Home, Server, eventually};
use serde_json::json;

/// `pixmill-server admin user …`, with a password on standard input.
fn user(home: &Home, arguments: &[&str], input: &str) -> Ended {
    home.run_with_input(&[], &[&["admin", "user"], arguments].concat(), input)
}

#[tokio::test]
async fn users_are_added_and_changed_while_the_server_runs() {
    let server = Server::start(&[("ALLOW_REGISTRATION", "false")]).await;
    let stranger = Client::new(server.address());
    let credentials = json!({ "username": "anna", "password": "strongPassword!" });
    stranger.post("/auth/register", &credentials).await.problem(403, "registration_closed");

    let added = user(server.home(), &["add", "Anna", "--role", "admin"], "strongPassword!\n");
    assert!(added.succeeded && added.stdout == "added Anna (admin)\n", "{added:?}");
    let again = user(server.home(), &["add", "anna"], "strongPassword!\n");
    assert!(!again.succeeded && again.stderr.contains("anna is taken"), "{again:?}");
    let anna = stranger.login("anna").await;
    assert_eq!(anna.get("/account").await.expect(200).json()["role"], "admin");

    let reset = user(server.home(), &["reset-password", "anna"], "anotherPassword!");
    assert!(reset.succeeded, "{reset:?}");
    assert!(!format!("{reset:?} {}", server.log()).contains("anotherPassword!"));
    stranger.post("/auth/login", &credentials).await.problem(401, "login_refused");
    eventually("the end of the token from before", async || {
        let answer = anna.get("/account").await;
        (answer.status == 401).then(|| answer.problem(401, "token_revoked"))
    })
    .await;

    let closed = user(server.home(), &["disable", "anna"], "");
    assert!(closed.succeeded, "{closed:?}");
    let credentials = json!({ "username": "anna", "password": "anotherPassword!" });
    stranger.post("/auth/login", &credentials).await.problem(403, "account_closed");
    assert!(user(server.home(), &["enable", "anna"], "").succeeded);
    assert!(user(server.home(), &["set-role", "anna", "user"], "").succeeded);
    stranger.post("/auth/login", &credentials).await.expect(200);
}

#[tokio::test]
async fn the_first_user_can_be_added_before_the_first_start() {
    let home = Home::new();
    let added = user(&home, &["add", "anna"], "strongPassword!\r\n");
    assert!(added.succeeded, "{added:?}");
    let server = Server::start_in(&home, &[], &[]).await;
    Client::new(server.address()).login("anna").await;
}

#[test]
fn what_can_not_be_done_is_said() {
    let home = Home::new();
    for (arguments, input, message) in [
        (&["disable", "nobody"][..], "", "there is no user named nobody"),
        (&["add", "a b c"], "strongPassword!", "letters, digits"),
        (&["add", "anna"], "short", "8 to 128 characters"),
        (&["add", "anna"], "", "8 to 128 characters"),
        (&["add", "anna", "--role", "root"], "strongPassword!", "possible values: user, operator, admin"),
    ] {
        let refused = user(&home, arguments, input);
        assert!(!refused.succeeded && refused.stderr.contains(message), "{arguments:?}: {refused:?}");
    }
}
