//! A RabbitMQ of one's own, which may be killed and kept from taking messages without a loss to others. It is the
//! installed one, on ports and in a folder of its own.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::amqp::Amqp;
use crate::process::{ProcessTree, kill};

/// The wrapper on the `PATH` insists on a user of its own; this is what it calls.
const PROGRAMS: &str = "/usr/lib/rabbitmq/bin";
const HOST: &str = "127.0.0.1";
/// How long it may take to start: seconds on a machine that does nothing else.
const STARTING: Duration = Duration::from_secs(120);
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// A broker that ends with this.
pub struct Broker {
    home: TempDir,
    /// Of clients, of other nodes, and of the directory of nodes.
    ports: [u16; 3],
    directory: Child,
    server: Child,
}

impl Broker {
    /// Starts one.
    ///
    /// # Errors
    /// Why there can't be one.
    ///
    /// # Panics
    /// If it does not come up.
    pub async fn start() -> Result<Self, String> {
        if !Path::new(PROGRAMS).join("rabbitmq-server").is_file() {
            return Err(format!("no RabbitMQ is installed in {PROGRAMS}"));
        }
        let home = tempfile::Builder::new().prefix("pixmill-broker-").tempdir();
        let home = home.map_err(|error| format!("there is no room for a broker: {error}"))?;
        // Small machines run tests: neither a full disk nor other programs' memory shall stop it.
        let config = "disk_free_limit.absolute = 50MB\nvm_memory_high_watermark.absolute = 1GB\n";
        fs::write(home.path().join("rabbitmq.conf"), config).map_err(|error| error.to_string())?;
        let ports = free_ports().map_err(|error| format!("there are no ports for a broker: {error}"))?;
        let mut directory = Command::new("epmd");
        directory.args(["-address", HOST, "-port", &ports[2].to_string()]);
        let directory =
            quiet(&mut directory).spawn().map_err(|error| format!("there is no epmd: {error}"))?;
        let server = quiet(&mut command(home.path(), ports, "rabbitmq-server")).spawn();
        let server = server.map_err(|error| format!("RabbitMQ can't be started: {error}"))?;
        let started = Self { home, ports, directory, server };
        started.ready().await;
        Ok(started)
    }

    /// Where it is, as Pixmill wants to know it.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@{HOST}:{}", self.ports[0])
    }

    /// Kills it without warning.
    pub fn kill9(&mut self) {
        let tree = ProcessTree::of(self.server.id());
        // The script that started it would clean up after the others.
        kill(tree.root());
        tree.children().iter().for_each(|child| kill(*child));
        // It is gone already.
        let _ = self.server.wait();
    }

    /// Starts it again over what it has on disk.
    ///
    /// # Panics
    /// If it does not come up.
    pub async fn start_again(&mut self) {
        let again = quiet(&mut command(self.home.path(), self.ports, "rabbitmq-server")).spawn();
        self.server = again.expect("it could be started before");
        self.ready().await;
    }

    /// Makes it believe that it is out of memory, or lets it have some again. While it believes so it takes no messages.
    ///
    /// # Panics
    /// If it can't be told.
    pub async fn alarm(&self, raised: bool) {
        let limit = if raised { "0" } else { "0.9" };
        let mut tell = command(self.home.path(), self.ports, "rabbitmqctl");
        tell.args(["set_vm_memory_high_watermark", limit]);
        let told = tokio::task::spawn_blocking(move || tell.stdin(Stdio::null()).output());
        let told = told.await.expect("nobody stops it").expect("the broker is installed with its tools");
        assert!(told.status.success(), "rabbitmqctl: {}", String::from_utf8_lossy(&told.stderr));
    }

    async fn ready(&self) {
        let (broker, deadline) = (Amqp::at(&self.url()), Instant::now() + STARTING);
        while !broker.answers().await {
            assert!(Instant::now() < deadline, "RabbitMQ does not answer at {}", self.url());
            sleep(BETWEEN_LOOKS).await;
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill9();
        // It has nothing to lose.
        let _ = self.directory.kill();
        let _ = self.directory.wait();
    }
}

/// One of its programs, which all find it by these variables.
fn command(home: &Path, [port, node, directory]: [u16; 3], program: &str) -> Command {
    let mut command = Command::new(PathBuf::from(PROGRAMS).join(program));
    command
        .env_clear()
        .envs(env::vars_os().filter(|(name, _)| name == "PATH"))
        .env("HOME", home)
        .env("RABBITMQ_NODENAME", format!("pixmill{port}@localhost"))
        .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
        .env("RABBITMQ_CONFIG_FILE", home.join("rabbitmq.conf"))
        .env("RABBITMQ_MNESIA_BASE", home.join("mnesia"))
        .env("RABBITMQ_LOG_BASE", home.join("log"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", home.join("plugins"))
        .env("RABBITMQ_NODE_IP_ADDRESS", HOST)
        .env("RABBITMQ_NODE_PORT", port.to_string())
        .env("RABBITMQ_DIST_PORT", node.to_string())
        .env("ERL_EPMD_ADDRESS", HOST)
        .env("ERL_EPMD_PORT", directory.to_string())
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}");
    command
}

/// A process that writes nowhere, apart from signals that the terminal sends.
fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0)
}

/// Ports that nobody has at the moment.
fn free_ports() -> std::io::Result<[u16; 3]> {
    let listeners =
        [TcpListener::bind((HOST, 0))?, TcpListener::bind((HOST, 0))?, TcpListener::bind((HOST, 0))?];
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
