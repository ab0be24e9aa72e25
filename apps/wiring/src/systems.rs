//! The systems that can take the place of the data folder, one a file: where it is configured to be, and the ports that it
//! gives. Each is left out of a build without its feature; being configured all the same is then an error.

pub(crate) mod bucket;
pub(crate) mod mongodb;
pub(crate) mod rabbitmq;
pub(crate) mod redis;

use clap::Args;
use pixmill::Secret;

use bucket::Bucket;
use mongodb::MongoDb;
use rabbitmq::RabbitMq;
use redis::Redis;

/// Where other systems are.
#[derive(Debug, Clone, Args)]
#[expect(missing_docs, reason = "each field is the system that its type names")]
pub struct Systems {
    #[command(flatten)]
    pub mongodb: MongoDb,
    #[command(flatten)]
    pub rabbitmq: RabbitMq,
    #[command(flatten)]
    pub redis: Redis,
    #[command(flatten)]
    pub bucket: Bucket,
}

const NO_QUEUE: &str = "MONGO_URI is set without RABBITMQ_URL or RABBITMQ_HOST, but jobs in MongoDB reach workers through \
     RabbitMQ; set one of them too, or unset MONGO_URI to keep everything in the data folder";
const NO_JOBS: &str = "RABBITMQ_URL or RABBITMQ_HOST is set without MONGO_URI, but jobs in the data folder are queued there; \
     set MONGO_URI too, or unset RABBITMQ_URL and RABBITMQ_HOST";

impl Systems {
    /// Whether users, images and jobs are in a database that several processes can share.
    pub(crate) fn are_shared(&self) -> bool {
        self.mongodb.uri().is_some()
    }

    /// Says what can't be honoured, or not together.
    pub(crate) fn check(&self) -> Result<(), String> {
        match (self.mongodb.uri(), self.rabbitmq.url()) {
            (Some(_), None) => return Err(NO_QUEUE.to_owned()),
            (None, Some(_)) => return Err(NO_JOBS.to_owned()),
            _ => {}
        }
        self.bucket.check()
    }

    /// Says what is missing before somebody else than this process can work on jobs.
    pub(crate) fn check_shared(&self, who: &str) -> Result<(), String> {
        let missing: Vec<_> = [
            ("MONGO_URI", "jobs in a data folder belong to the server that owns it", self.are_shared()),
            ("RABBITMQ_URL or RABBITMQ_HOST", "it hears of jobs from there", self.rabbitmq.url().is_some()),
            ("AWS_BUCKET_NAME", "it reads and writes images there", self.bucket.name().is_some()),
        ]
        .into_iter()
        .filter(|(_, _, there)| !there)
        .map(|(name, reason, _)| format!("\n  {name}: {reason}"))
        .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(format!("{who} needs settings that are missing:{}", missing.concat()))
    }

    /// Where the bytes of images are, for people and for comparing: nothing for the data folder.
    pub(crate) fn bucket_place(&self) -> Option<String> {
        self.bucket.place()
    }

    /// What is where, for people.
    pub(crate) fn places(&self) -> Vec<(&'static str, String)> {
        let shown = |what, url: Option<&Secret>| Some((what, without_credentials(url?.expose()).to_owned()));
        let places = [
            self.bucket.place().map(|place| ("files of images:", place)),
            shown("users and jobs:", self.mongodb.uri()),
            shown("queue:", self.rabbitmq.url().as_ref()),
            shown("cache and news:", self.redis.url().as_ref()),
        ];
        places.into_iter().flatten().collect()
    }

    /// The name of the bucket, by whatever address it is reached.
    pub(crate) fn bucket_name(&self) -> Option<String> {
        self.bucket.name().map(|name| format!("the bucket {name}"))
    }
}

/// The hosts in a URL.
fn without_credentials(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    // A password may hold anything but an unescaped `@`, in theory; the last one is certain.
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or(rest)
}

#[cfg(not(all(feature = "mongodb", feature = "rabbitmq", feature = "redis", feature = "s3")))]
fn left_out(variables: &str, system: &str, feature: &str) -> crate::error::StartError {
    crate::error::StartError::Setting(format!(
        "{variables} is set, but this build leaves out the adapter for {system}; build it with `--features {feature}` (with \
         `cargo xtask run`, set the variable in the environment or in `.env` instead of a flag), or unset it to do without"
    ))
}

/// Nothing configured, made by hand, because parsing would see the variables of whoever runs the tests.
#[cfg(test)]
mod nothing {
    use super::{Bucket, MongoDb, RabbitMq, Redis, Systems};

    impl Bucket {
        pub(super) fn none() -> Self {
            let (bucket, region) = (None, "us-east-1".to_owned());
            Self {
                bucket,
                region,
                endpoint_url: None,
                public_endpoint_url: None,
                access_key: None,
                secret_key: None,
            }
        }
    }

    impl Redis {
        pub(super) fn none() -> Self {
            Self { redis_url: None, redis_host: None, redis_port: 6379, redis_prefix: "pixmill:".to_owned() }
        }
    }

    impl RabbitMq {
        pub(super) fn none() -> Self {
            let rabbitmq_queue = "image_transformation_queue".to_owned();
            Self { rabbitmq_url: None, rabbitmq_host: None, rabbitmq_port: 5672, rabbitmq_queue }
        }
    }

    impl Systems {
        pub(crate) fn none() -> Self {
            let mongodb = MongoDb { mongo_uri: None };
            Self { mongodb, rabbitmq: RabbitMq::none(), redis: Redis::none(), bucket: Bucket::none() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mongodb() -> MongoDb {
        MongoDb { mongo_uri: Some(Secret::new("mongodb://db")) }
    }

    fn rabbitmq() -> RabbitMq {
        RabbitMq { rabbitmq_host: Some("broker".into()), ..RabbitMq::none() }
    }

    #[test]
    fn jobs_and_their_queue_move_together() {
        assert_eq!(Systems::none().check(), Ok(()));
        let jobs = Systems { mongodb: mongodb(), ..Systems::none() };
        assert!(jobs.check().unwrap_err().contains("set without RABBITMQ_URL"));
        let queue = Systems { rabbitmq: rabbitmq(), ..Systems::none() };
        assert!(queue.check().unwrap_err().contains("set without MONGO_URI"));
        assert_eq!(Systems { mongodb: mongodb(), rabbitmq: rabbitmq(), ..Systems::none() }.check(), Ok(()));
    }

    #[test]
    fn places_are_shown_without_passwords() {
        for (url, shown) in [
            ("mongodb://anna:hunter2@a:1,b:2/pixmill?replicaSet=rs", "a:1,b:2"),
            ("mongodb+srv://anna:hunter@2@cluster.example", "cluster.example"),
            ("redis://localhost", "localhost"),
            ("amqp://guest:guest@[::1]:5672", "[::1]:5672"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }

    #[test]
    fn all_that_a_worker_lacks_is_named() {
        let missing = Systems::none().check_shared("a worker").unwrap_err();
        for name in ["a worker needs", "MONGO_URI", "RABBITMQ_URL", "AWS_BUCKET_NAME"] {
            assert!(missing.contains(name), "{missing}");
        }
        let files = Systems { mongodb: mongodb(), rabbitmq: rabbitmq(), ..Systems::none() };
        let missing = files.check_shared("a worker").unwrap_err();
        assert!(missing.contains("AWS_BUCKET_NAME") && !missing.contains("MONGO_URI"), "{missing}");
        let all = Systems { bucket: Bucket { bucket: Some("b".into()), ..Bucket::none() }, ..files };
        assert_eq!(all.check_shared("a worker"), Ok(()));
    }
}
