//! A running server, a process of its own on a port of its own, and those that share the work with it where there are
//! some. All end with the test, however the test ends.

mod again;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::client::Client;
use crate::process::{ProcessTree, kill, signal};
use crate::program::{Ended, Home, program, worker_program};
use crate::systems::systems;
use crate::wait::{DEADLINE, eventually};

/// What a process of Pixmill is started as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Server,
    Worker,
}

impl Part {
    /// What it prints first once it is ready; a server's address follows.
    fn greeting(self) -> &'static str {
        match self {
            Self::Server => "Pixmill is listening on ",
            Self::Worker => "Pixmill is working on ",
        }
    }

    fn program(self) -> PathBuf {
        match self {
            Self::Server => program(),
            Self::Worker => worker_program(),
        }
    }
}

/// A server process, and those that share the work with it.
pub struct Server {
    part: Part,
    companions: Vec<Self>,
    home: Home,
    variables: Vec<(String, String)>,
    arguments: Vec<String>,
    process: Child,
    address: String,
    /// What it wrote in earlier lives.
    earlier: String,
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

    /// Starts two servers and two workers with these variables over [`systems`] of their own. Requests of clients go to
    /// both servers in turn.
    ///
    /// # Panics
    /// If one of them does not come up.
    pub async fn start_distributed(variables: &[(&str, &str)]) -> Self {
        Self::start_distributed_over(&systems(), variables).await
    }

    /// Starts two servers and two workers with these variables over these systems.
    ///
    /// # Panics
    /// If one of them does not come up.
    pub async fn start_distributed_over(
        systems: &[(&'static str, String)],
        variables: &[(&str, &str)],
    ) -> Self {
        Self::start_parts(systems, variables, 2, 2).await
    }

    /// Starts so many servers, one at least, and so many workers with these variables over these systems.
    ///
    /// # Panics
    /// If one of them does not come up.
    pub async fn start_parts(
        systems: &[(&'static str, String)],
        variables: &[(&str, &str)],
        servers: usize,
        workers: usize,
    ) -> Self {
        let systems = systems.iter().map(|(name, value)| (*name, value.as_str()));
        let variables: Vec<_> = systems.chain(variables.iter().copied()).collect();
        let start = async |part, arguments: &[&str]| {
            let started =
                Self::launch(part, Home::new(), owned(&variables), arguments.iter().map(own).collect());
            started.await.unwrap_or_else(|ended| panic!("a part did not start: {ended:#?}"))
        };
        let mut server = start(Part::Server, &["--no-worker"]).await;
        for _ in 1..servers {
            server.companions.push(start(Part::Server, &["--no-worker"]).await);
        }
        for _ in 0..workers {
            server.companions.push(start(Part::Worker, &[]).await);
        }
        server
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
        let arguments = arguments.iter().map(own).collect();
        Self::launch(Part::Server, home.clone(), owned(variables), arguments).await
    }

    /// Starts a worker with these variables, in a new folder.
    ///
    /// # Panics
    /// If it does not come up.
    pub async fn start_worker(variables: &[(&str, &str)]) -> Self {
        let started = Self::launch(Part::Worker, Home::new(), owned(variables), Vec::new()).await;
        started.unwrap_or_else(|ended| panic!("the worker did not start: {ended:#?}"))
    }

    async fn launch(
        part: Part,
        home: Home,
        variables: Vec<(String, String)>,
        arguments: Vec<String>,
    ) -> Result<Self, Ended> {
        let mut all = vec![("PORT", "0")];
        all.extend(variables.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = home.command_of(&part.program(), &all, &words);
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
        thread::spawn(move || listen(stdout, part.greeting(), greeted));

        let (address, companions) = (String::new(), Vec::new());
        let earlier = String::new();
        let mut server =
            Self { part, companions, home, variables, arguments, process, address, earlier, log };
        let _awake = again::keep_awake(server.process.id());
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

    /// The program with these arguments and the variables of this server, for what an operator does beside it.
    pub fn beside(&self, arguments: &[&str]) -> Command {
        let variables: Vec<_> =
            self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.home.command(&variables, arguments)
    }

    /// Its process and those below it.
    pub fn processes(&self) -> ProcessTree {
        ProcessTree::of(self.process.id())
    }

    /// What it and its companions have written to standard error.
    pub fn log(&self) -> String {
        self.companions.iter().fold(self.own_log(), |log, companion| log + &companion.log())
    }

    fn own_log(&self) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        format!("{}{}", self.earlier, String::from_utf8_lossy(&log))
    }

    /// A client that nobody is logged in with.
    pub fn client(&self) -> Client {
        let others = self.companions.iter().filter(|companion| companion.part == Part::Server);
        Client::of_all([self].into_iter().chain(others).map(|server| server.address.clone()).collect())
    }

    /// The same person, at this server as it is now.
    #[must_use]
    pub fn again(&self, client: &Client) -> Client {
        match client.token() {
            Some(token) => self.client().with_token(token),
            None => self.client(),
        }
    }

    /// Whether the bytes of images are in its data folder.
    pub fn keeps_files(&self) -> bool {
        self.companions.is_empty()
    }

    /// The workers that are processes of their own.
    pub fn workers(&mut self) -> Vec<&mut Self> {
        self.companions.iter_mut().filter(|companion| companion.part == Part::Worker).collect()
    }

    /// A client of a new user with this name.
    pub async fn user(&self, name: &str) -> Client {
        let client = self.client();
        client.register(name).await;
        client.login(name).await
    }

    /// Kills it and its companions without warning, as the system does when memory runs out, and waits until all are gone.
    pub fn kill9(&mut self) {
        self.companions.iter_mut().for_each(Self::kill9);
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

    /// Starts it and its companions again in the same folders with the same settings, on other ports.
    ///
    /// # Panics
    /// If one of them does not come up.
    pub async fn start_again(&mut self) {
        self.kill9();
        let mut companions = std::mem::take(&mut self.companions);
        for part in companions.iter_mut().chain([&mut *self]) {
            let (home, variables, arguments) =
                (part.home.clone(), part.variables.clone(), part.arguments.clone());
            let again = Self::launch(part.part, home, variables, arguments).await;
            *part = again.unwrap_or_else(|ended| panic!("a part did not start again: {ended:#?}"));
        }
        self.companions = companions;
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
            let _ =
                writeln!(io::stderr(), "--- log of the server at {}\n{}---", self.address, self.own_log());
        }
    }
}

fn own(text: &&str) -> String {
    (*text).to_owned()
}

fn owned(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables.iter().map(|(name, value)| (own(name), own(value))).collect()
}

fn keep(mut stderr: impl Read, log: &Log) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stderr.read(&mut buffer) {
        log.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..length]);
    }
}

/// Passes the address on, then reads to the end, so that the server never waits for a reader.
fn listen(stdout: impl Read, greeting: &str, greeted: oneshot::Sender<String>) {
    let mut greeted = Some(greeted);
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        if let Some(address) = line.strip_prefix(greeting)
            && let Some(greeted) = greeted.take()
        {
            // A test that has given up does not listen any more.
            let _ = greeted.send(address.trim().to_owned());
        }
    }
}
