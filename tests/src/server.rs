//! A running server, a process of its own on a port of its own. It ends with the test, however the test ends.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::client::Client;
use crate::process::{ProcessTree, kill, signal};
use crate::program::{Ended, Home};
use crate::wait::{DEADLINE, eventually};

/// What the server prints in front of its address once it is ready.
const GREETING: &str = "Pixmill is listening on ";

/// A server process.
pub struct Server {
    home: Home,
    variables: Vec<(String, String)>,
    arguments: Vec<String>,
    process: Child,
    address: String,
    log: Log,
}

type Log = Arc<Mutex<Vec<u8>>>;

impl Server {
    /// Starts a server in a new folder with these variables. Unless they name a port, the system chooses one.
    ///
    /// # Panics
    /// If it does not come up; the message has what it wrote.
    pub async fn start(variables: &[(&str, &str)]) -> Self {
        Self::start_in(&Home::new(), variables, &[]).await
    }

    /// Starts a server in this folder.
    ///
    /// # Panics
    /// If it does not come up.
    pub async fn start_in(home: &Home, variables: &[(&str, &str)], arguments: &[&str]) -> Self {
        match Self::try_start(home, variables, arguments).await {
            Ok(server) => server,
            Err(ended) => panic!("the server did not start: {ended:#?}"),
        }
    }

    /// Starts a server that may refuse to run.
    ///
    /// # Errors
    /// What it left behind if it ended instead of listening.
    ///
    /// # Panics
    /// If it does neither in time.
    pub async fn try_start(
        home: &Home,
        variables: &[(&str, &str)],
        arguments: &[&str],
    ) -> Result<Self, Ended> {
        let own = |text: &&str| (*text).to_owned();
        let variables = variables.iter().map(|(name, value)| (own(name), own(value))).collect();
        let arguments = arguments.iter().map(own).collect();
        Self::launch(home.clone(), variables, arguments).await
    }

    async fn launch(
        home: Home,
        variables: Vec<(String, String)>,
        arguments: Vec<String>,
    ) -> Result<Self, Ended> {
        let mut all = vec![("PORT", "0")];
        all.extend(variables.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = home.command(&all, &words);
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("can't start {command:?}: {error}"));
        let stdout = process.stdout.take().expect("standard output was asked to be piped");
        let stderr = process.stderr.take().expect("standard error was asked to be piped");
        let log = Log::default();
        let (greeted, greeting) = oneshot::channel();
        let keeper = log.clone();
        thread::spawn(move || keep(stderr, &keeper));
        thread::spawn(move || listen(stdout, greeted));

        let mut server = Self { home, variables, arguments, process, address: String::new(), log };
        let Ok(heard) = timeout(DEADLINE, greeting).await else {
            panic!("the server neither listens nor ends; it wrote:\n{}", server.log());
        };
        let Ok(address) = heard else { return Err(server.refusal().await) };
        server.address = address;
        Ok(server)
    }

    /// What a server left behind that ended instead of listening.
    async fn refusal(mut self) -> Ended {
        let status = self.ended().await;
        let stderr = eventually("the end of standard error", async || {
            // The thread that fills the log drops its share of it at the end.
            (Arc::strong_count(&self.log) == 1).then(|| self.log())
        });
        Ended { succeeded: status.success(), stdout: String::new(), stderr: stderr.await }
    }

    /// Where it listens, such as `http://127.0.0.1:40123`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The folder that it was started in.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Its process and those below it.
    pub fn processes(&self) -> ProcessTree {
        ProcessTree::of(self.process.id())
    }

    /// What it has written to standard error since it was started.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.log.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// A client that nobody is logged in with.
    pub fn client(&self) -> Client {
        Client::new(&self.address)
    }

    /// A client of a new user with this name.
    pub async fn user(&self, name: &str) -> Client {
        let client = self.client();
        client.register(name).await;
        client.login(name).await
    }

    /// Kills it without warning, as the system does when memory runs out, and waits until it is gone.
    pub fn kill9(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Asks it to stop and waits until it has.
    ///
    /// # Panics
    /// If it goes on regardless.
    pub async fn terminate(&mut self) -> ExitStatus {
        signal(self.process.id(), "TERM");
        self.ended().await
    }

    /// Waits until it has ended by itself.
    async fn ended(&mut self) -> ExitStatus {
        let process = Mutex::new(&mut self.process);
        eventually("the end of the server's process", async || {
            let mut process = process.lock().unwrap_or_else(PoisonError::into_inner);
            process.try_wait().expect("one may wait for one's own child")
        })
        .await
    }

    /// Starts it again in the same folder with the same settings, on another port.
    ///
    /// # Panics
    /// If it does not come up.
    pub async fn start_again(&mut self) {
        self.kill9();
        let again = Self::launch(self.home.clone(), self.variables.clone(), self.arguments.clone()).await;
        *self = again.unwrap_or_else(|ended| panic!("the server did not start again: {ended:#?}"));
    }

    /// Kills the processes below it and returns how many there were.
    pub fn kill_children(&self) -> usize {
        let tree = self.processes();
        tree.children().iter().for_each(|child| kill(*child));
        tree.children().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill9();
        if thread::panicking() && !self.address.is_empty() {
            // What the server thought of it explains most failures. Nobody is left to tell if this fails.
            let _ = writeln!(io::stderr(), "--- log of the server at {}\n{}---", self.address, self.log());
        }
    }
}

fn keep(mut stderr: impl Read, log: &Log) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stderr.read(&mut buffer) {
        log.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..length]);
    }
}

/// Passes the address on, then reads to the end, so that the server never waits for a reader.
fn listen(stdout: impl Read, greeted: oneshot::Sender<String>) {
    let mut greeted = Some(greeted);
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        if let Some(address) = line.strip_prefix(GREETING)
            && let Some(greeted) = greeted.take()
        {
            // A test that has given up does not listen any more.
            let _ = greeted.send(address.trim().to_owned());
        }
    }
}
