//! The names of the original's `.env`, with the endpoint of the bucket and no others, make a working system.

use pixmill_e2e::{Server, redis_url, systems};

use crate::walk::walk;

#[tokio::test]
async fn the_documented_names_are_enough() {
    let own = systems();
    let value = |name: &str| {
        own.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.clone())
            .expect("it is a system's")
    };
    let ((rabbitmq, rabbitmq_port), (redis, redis_port)) =
        (place(&value("RABBITMQ_URL")), place(&redis_url()));
    let mut variables = vec![
        ("NODE_ENV", "production".to_owned()),
        ("RABBITMQ_HOST", rabbitmq),
        ("RABBITMQ_PORT", rabbitmq_port),
        ("REDIS_HOST", redis),
        // Where nobody tests, the port is Redis's own.
        ("REDIS_PORT", redis_port),
        ("AWS_REGION", "us-east-1".to_owned()),
    ];
    let as_they_are = [
        "MONGO_URI",
        "JWT_SECRET",
        "AWS_ENDPOINT_URL",
        "AWS_BUCKET_NAME",
        "AWS_IAM_ACCESS_KEY",
        "AWS_IAM_SECRET_KEY",
    ];
    variables.extend(as_they_are.map(|name| (name, value(name))));
    let server = Server::start_distributed_over(&variables, &[]).await;
    walk(&server, "anna").await;
}

/// Host and port of a URL.
fn place(url: &str) -> (String, String) {
    let host = url.split("://").nth(1).and_then(|rest| rest.rsplit('@').next()).unwrap_or_default();
    let (host, port) =
        host.split(['/', '?']).next().and_then(|host| host.split_once(':')).expect("HOST:PORT");
    (host.to_owned(), port.to_owned())
}
