//! Starting: what is refused and in which words, where settings come from, and what the help says.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use pixmill_e2e::{Home, Server};

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused() {
    let first = Server::start(&[]).await;
    let process = first.processes().root();
    let refused = refusal(first.home(), &[], &[]).await;
    assert!(refused.contains(&format!("in use by process {process}")), "{refused}");
    first.client().get("/health/ready").await.expect(200);
}

#[tokio::test]
async fn settings_that_can_not_be_honoured_are_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let home = Home::new();
    fs::write(home.path().join("a-file"), "").unwrap();
    for (variable, value, words) in [
        ("JWT_SECRET", "hunter2", "openssl rand -hex 32"),
        ("MONGO_URI", "mongodb://anna:hunter2@localhost/pixmill", "set without RABBITMQ_URL"),
        ("REDIS_URL", "http://user:hunter2@localhost", "redis://host:6379"),
        ("RABBITMQ_HOST", "rabbitmq", "set without MONGO_URI"),
        ("AWS_IAM_ACCESS_KEY", "AKIA", "AWS_IAM_SECRET_KEY"),
        ("PORT", &port, "choose another with --port"),
        ("PORT", "70000", "PORT"),
        ("PIXMILL_DATA_DIR", "a-file", "not a folder"),
        ("RATE_LIMIT_REQUESTS", "many", "RATE_LIMIT_REQUESTS"),
        ("LEASE_SECS", "0", "LEASE_SECS"),
        ("FONTS_DIR", "a-file", "a-file can't be read"),
        ("FONTS_DIR", ".", "no font files"),
        ("TRUSTED_PROXIES", "the-proxy", "the-proxy"),
        ("PUBLIC_URL", "images.example.com", "https://images.example.com"),
    ] {
        let refused = refusal(&home, &[(variable, value)], &[]).await;
        assert!(refused.contains(words), "{variable}={value} was refused with: {refused}");
        assert!(!refused.contains("hunter2"), "a secret was shown: {refused}");
    }
    let refused = refusal(&home, &[], &["--no-such-flag"]).await;
    assert!(refused.contains("--no-such-flag") && refused.contains("--help"), "{refused}");
    // A stray variable of another program's changes nothing.
    drop(Server::start_in(&home, &[("AWS_REGION", "eu-west-1"), ("NODE_ENV", "production")], &[]).await);
    // Nor does one that says nothing.
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.env.example");
    let offered = names(&fs::read_to_string(example).unwrap(), "\n#");
    let unset = ["HOST", "PORT", "PIXMILL_DATA_DIR", "RUST_LOG"];
    let empty: Vec<_> =
        offered.iter().filter(|name| !unset.contains(&&***name)).map(|name| (&**name, "")).collect();
    let server = Server::start_in(&home, &empty, &[]).await;
    server.client().get("/health/ready").await.expect(200);
}

#[tokio::test]
async fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
    let home = Home::new();
    let used = |name: &str| home.path().join(name).join("pixmill.db").is_file();
    let in_environment = [("PIXMILL_DATA_DIR", "by-environment")];
    let by_flag = ["--data-dir", "by-flag"];

    drop(Server::start_in(&home, &[], &[]).await);
    assert!(used("data"));
    fs::write(home.path().join(".env"), "# settings\nPIXMILL_DATA_DIR=by-file\nPORT=1\n").unwrap();
    assert!(!used("by-file"));
    drop(Server::start_in(&home, &[], &[]).await);
    assert!(used("by-file") && !used("by-environment"));
    drop(Server::start_in(&home, &in_environment, &[]).await);
    assert!(used("by-environment") && !used("by-flag"));
    drop(Server::start_in(&home, &in_environment, &by_flag).await);
    assert!(used("by-flag"));

    fs::write(home.path().join(".env"), "what is this\n").unwrap();
    let refused = refusal(&home, &[], &[]).await;
    assert!(refused.contains(".env") && refused.contains("NAME=value"), "{refused}");
}

#[tokio::test]
async fn the_key_is_kept_and_is_for_the_owner_alone() {
    let mut server = Server::start(&[]).await;
    let client = server.user("anna").await;
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let data = server.home().data();
    let key = fs::read_to_string(data.join("secret")).unwrap();
    assert_eq!((mode(&data), mode(&data.join("secret"))), (0o700, 0o600));
    server.start_again().await;
    client.at(server.address()).get("/images").await.expect(200);
    assert!(!server.log().contains(&key), "the key stays out of the log");
}

#[tokio::test]
async fn a_closed_house_registers_nobody() {
    let server = Server::start(&[("ALLOW_REGISTRATION", "false")]).await;
    let body = serde_json::json!({ "username": "anna", "password": "strongPassword!" });
    server.client().post("/auth/register", &body).await.problem(403, "registration_closed");
}

#[test]
fn the_help_and_the_example_file_list_every_setting() {
    let help = Home::new().run(&[], &["--help"]);
    assert!(help.succeeded, "{help:?}");
    let listed = names(&help.stdout, "[env: ");
    for documented in [
        "HOST",
        "PORT",
        "PUBLIC_URL",
        "PIXMILL_DATA_DIR",
        "RATE_LIMIT_REQUESTS",
        "RATE_LIMIT_WINDOW_SECS",
        "MAX_UPLOAD_BYTES",
        "MAX_PIXELS",
        "WORKER_CONCURRENCY",
        "WORKER_MEMORY_BYTES",
        "CACHE_TTL_SECS",
        "CACHE_MAX_BYTES",
        "SIGNED_URL_TTL_SECS",
        "JWT_SECRET",
        "JWT_TTL_SECS",
        "JOB_TIMEOUT_SECS",
        "JOB_MAX_ATTEMPTS",
        "USER_JOB_SHARE",
        "MAX_OPEN_JOBS",
        "JOB_RETENTION_SECS",
        "LEASE_SECS",
        "SWEEP_INTERVAL_SECS",
        "SHUTDOWN_GRACE_SECS",
        "TRUSTED_PROXIES",
        "CORS_ALLOWED_ORIGINS",
        "ALLOW_REGISTRATION",
        "MONGO_URI",
        "RABBITMQ_HOST",
        "REDIS_HOST",
        "AWS_BUCKET_NAME",
    ] {
        assert!(listed.contains(documented), "{documented} is not in the help");
    }
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.env.example");
    let mut offered = names(&fs::read_to_string(example).unwrap(), "\n#");
    // What is logged is a matter of the logging library, which the help names in a sentence.
    offered.remove("RUST_LOG");
    assert_eq!(listed, offered, "--help and .env.example differ");
}

/// The names of variables that follow `mark`.
fn names(text: &str, mark: &str) -> BTreeSet<String> {
    let candidates = text.split(mark).skip(1).filter_map(|rest| rest.split(['=', ']']).next());
    let is_name = |name: &&str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    candidates.filter(is_name).map(str::to_owned).collect()
}

/// Starts a server that must refuse; returns what it says.
async fn refusal(home: &Home, variables: &[(&str, &str)], arguments: &[&str]) -> String {
    match Server::try_start(home, variables, arguments).await {
        Ok(_) => panic!("the server started with {variables:?} {arguments:?}"),
        Err(ended) => {
            assert!(!ended.succeeded, "a refusal must not look like success: {ended:?}");
            ended.stderr
        }
    }
}
