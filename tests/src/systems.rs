//! The real servers that distributed tests talk to, and a part of each for one test alone.

use std::env;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::mongo::Between;
use crate::proxy::Proxy;

/// Signs the tokens of distributed servers.
const SECRET: &str = "a key for tests alone, of more than 32 bytes";

/// A bucket, and how it is reached.
pub struct Bucket {
    /// `http://HOST:PORT`
    pub endpoint: String,
    /// Its name.
    pub name: String,
    /// The access key.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
}

impl Bucket {
    /// The bucket for tests.
    ///
    /// # Panics
    /// If there is none.
    pub fn for_tests() -> Self {
        // http://KEY:SECRET@HOST:PORT/BUCKET
        let url = variable("PIXMILL_TEST_S3_URL");
        let parts = || {
            let (key, place) = url.strip_prefix("http://")?.split_once('@')?;
            let ((access_key, secret_key), (host, name)) = (key.split_once(':')?, place.split_once('/')?);
            Some((format!("http://{host}"), name, access_key, secret_key))
        };
        let (endpoint, name, access_key, secret_key) = parts()
            .unwrap_or_else(|| panic!("PIXMILL_TEST_S3_URL is no http://KEY:SECRET@HOST:PORT/BUCKET: {url}"));
        let own = str::to_owned;
        Self { endpoint, name: own(name), access_key: own(access_key), secret_key: own(secret_key) }
    }

    /// The variables by which a Pixmill finds it.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let Self { endpoint, name, access_key, secret_key } = self;
        vec![
            ("AWS_ENDPOINT_URL", endpoint.clone()),
            ("AWS_BUCKET_NAME", name.clone()),
            ("AWS_IAM_ACCESS_KEY", access_key.clone()),
            ("AWS_IAM_SECRET_KEY", secret_key.clone()),
        ]
    }
}

/// The URL of the Redis for tests.
///
/// # Panics
/// If there is none.
pub fn redis_url() -> String {
    variable("PIXMILL_TEST_REDIS_URL")
}

/// The variables for servers and workers over all four systems, which nobody else has.
///
/// # Panics
/// If one of them is not there.
pub fn systems() -> Vec<(&'static str, String)> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    // The time tells this run from an earlier one in a process of the same number.
    let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis());
    let name = format!("e2e-{started}-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let (host, options) = {
        let uri = variable("PIXMILL_TEST_MONGO_URI");
        let (host, options) = uri.split_once("/?").unwrap_or((&uri, ""));
        (host.to_owned(), options.to_owned())
    };
    let mut variables = vec![
        ("MONGO_URI", format!("{host}/{name}?{options}")),
        ("RABBITMQ_URL", variable("PIXMILL_TEST_RABBITMQ_URL")),
        ("RABBITMQ_QUEUE", name.clone()),
        ("REDIS_URL", redis_url()),
        ("REDIS_PREFIX", format!("{name}:")),
        ("JWT_SECRET", SECRET.to_owned()),
    ];
    variables.extend(Bucket::for_tests().variables());
    variables
}

/// Puts a proxy before one of these systems, named by the variable that says where it is.
///
/// # Panics
/// If there is no such system.
pub async fn behind_a_proxy(systems: &mut [(&'static str, String)], variable: &str) -> Proxy {
    let (url, host) = found(systems, variable);
    let proxy = Proxy::to(&host).await;
    *url = url.replace(&host, &proxy.address());
    proxy
}

/// Puts somebody between these systems' MongoDB and everybody.
///
/// # Panics
/// If it is not among them.
pub(crate) async fn between_mongo(systems: &mut [(&'static str, String)]) -> Between {
    let (url, host) = found(systems, "MONGO_URI");
    let between = Between::before(&host).await;
    *url = url.replace(&host, &between.address());
    between
}

/// The URL of a system, and the `HOST:PORT` in it.
fn found<'a>(systems: &'a mut [(&'static str, String)], variable: &str) -> (&'a mut String, String) {
    let (_, url) = systems.iter_mut().find(|(name, _)| *name == variable).expect("there is such a system");
    let host = url.split("://").nth(1).and_then(|rest| rest.rsplit('@').next());
    let host = host.and_then(|rest| rest.split(['/', '?']).next()).expect("a URL with a host").to_owned();
    (url, host)
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set; `cargo xtask services up` starts servers and prints it")
    })
}
