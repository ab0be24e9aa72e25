//! One child process as its parent sees it: started, spoken to, and looked at when it has died.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use pixmill::EngineError;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::exchange::Exchange;
use super::protocol::{
    ANSWER, AnswerHead, ONE_PIECE, PREFIX_LEN, REQUEST, decode_head, encode_head, head_len, invalid,
};
use super::{CHILD_ARGUMENT, ChildConfig};

/// How much of what a child writes to stderr is kept, in bytes: the end of it.
const STDERR_TAIL: usize = 4 << 10;
/// How long a child whose pipes are closed may take to exit before it is killed.
const DYING: Duration = Duration::from_secs(1);
/// The variables that a child inherits: what the loader and Rust need, and nothing that may be a secret.
const ENVIRONMENT: [&str; 4] =
    ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "RUST_BACKTRACE", "LLVM_PROFILE_FILE"];
/// Mimalloc, if it is the program's allocator, would make a gigabyte writable ahead of need, which the limit on
/// the child's data counts in full; with this it only reserves it.
const ALLOCATOR: (&str, &str) = ("MIMALLOC_ARENA_EAGER_COMMIT", "0");

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub(super) struct ChildProcess {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    stderr: Stderr,
    max_result: u64,
    jobs: u32,
}

impl ChildProcess {
    pub(super) fn start(config: &ChildConfig) -> io::Result<Self> {
        let mut command = Command::new(&config.program);
        command
            .arg0(name())
            .arg(CHILD_ARGUMENT)
            .arg(config.child_memory().to_string())
            .arg(config.file_bytes.to_string())
            .args(&config.fonts)
            .env_clear()
            .envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .env(ALLOCATOR.0, ALLOCATOR.1)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own keeps a terminal's Ctrl-C away from it.
            .process_group(0)
            .kill_on_drop(true);
        let mut process = command.spawn()?;
        let input = process.stdin.take().expect("stdin is piped");
        let output = process.stdout.take().expect("stdout is piped");
        widen(&input);
        widen(&output);
        let stderr = Stderr::follow(process.stderr.take().expect("stderr is piped"));
        tracing::debug!(pid = process.id(), "started a child process");
        let output = BufReader::with_capacity(ONE_PIECE, output);
        Ok(Self { process, input, output, stderr, max_result: config.file_bytes, jobs: 0 })
    }

    /// Whether it has not exited.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// How many jobs it was given.
    pub(super) fn jobs(&self) -> u32 {
        self.jobs
    }

    /// The end of what it has written to stderr since this was last asked.
    pub(super) fn take_stderr(&self) -> String {
        self.stderr.take()
    }

    /// Hands it one job and reads the answer. After an error, or when the future is dropped, what it will say next
    /// is unknown, and it must not be used again.
    pub(super) async fn exchange<T: Exchange>(
        &mut self,
        task: &T,
    ) -> io::Result<Result<T::Done, EngineError>> {
        self.jobs += 1;
        let Self { input, output, max_result, .. } = self;
        // Both at once: a program that answers before it has listened must not block the two for ever.
        let ((), (head, file)) = tokio::try_join!(send(input, task), receive(output, *max_result))?;
        T::hear(head, file).ok_or_else(|| invalid("an answer to another question".to_owned()))
    }

    /// Waits for its end, which `broken` announced, and says how it died.
    pub(super) async fn bury(mut self, broken: &io::Error) -> String {
        if broken.kind() == io::ErrorKind::InvalidData {
            return self.describe(format!("its answer can't be read ({broken})")).await;
        }
        match tokio::time::timeout(DYING, self.process.wait()).await {
            Ok(Ok(status)) => self.describe(describe(status)).await,
            Ok(Err(error)) => format!("its exit status can't be read ({error})"),
            Err(_) => self.describe(format!("it stopped answering ({broken})")).await,
        }
    }

    /// Kills it and waits until it is gone.
    pub(super) async fn kill(mut self) {
        if let Err(error) = self.process.kill().await {
            tracing::warn!(%error, "a child process can't be killed");
        }
    }

    async fn describe(mut self, cause: String) -> String {
        // Its stderr ends with it.
        let _ = self.process.start_kill();
        let stderr = self.stderr.rest().await;
        if stderr.is_empty() { cause } else { format!("{cause}; its last words: {stderr}") }
    }
}

/// Makes a pipe as large as an ordinary user may have it, so that a file of some MB passes in a few pieces instead
/// of a hundred. If the system allows no more than it gave, the pipe works as it is.
#[cfg(target_os = "linux")]
fn widen(pipe: &impl AsFd) {
    let _ = rustix::pipe::fcntl_setpipe_size(pipe, 1 << 20);
}

#[cfg(not(target_os = "linux"))]
fn widen(_pipe: &impl AsFd) {}

fn name() -> OsString {
    std::env::args_os().next().unwrap_or_else(|| "pixmill".into())
}

async fn send(input: &mut ChildStdin, task: &impl Exchange) -> io::Result<()> {
    let mut frame = encode_head(REQUEST, &task.ask())?;
    let files = task.files();
    if frame.len() + files.iter().map(|file| file.len()).sum::<usize>() <= ONE_PIECE {
        for file in files {
            frame.extend_from_slice(file);
        }
        return input.write_all(&frame).await;
    }
    input.write_all(&frame).await?;
    for file in files {
        input.write_all(file).await?;
    }
    Ok(())
}

async fn receive(output: &mut BufReader<ChildStdout>, max_result: u64) -> io::Result<(AnswerHead, Bytes)> {
    let mut prefix = [0; PREFIX_LEN];
    output.read_exact(&mut prefix).await?;
    let json = read_vec(output, head_len(ANSWER, prefix)?).await?;
    let head: AnswerHead = decode_head(&json)?;
    let len = head.len();
    if len > max_result {
        return Err(invalid(format!("a result of {len} bytes, more than {max_result}")));
    }
    let file = read_vec(output, len as usize).await?.into();
    Ok((head, file))
}

async fn read_vec(output: &mut BufReader<ChildStdout>, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    output.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn describe(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(9), _) => "killed by signal 9 (SIGKILL), by hand or because memory ran out".into(),
        (Some(signal), _) => format!("killed by signal {signal}{}", signal_name(signal)),
        (None, Some(code)) => format!("it exited with code {code} instead of answering"),
        (None, None) => status.to_string(),
    }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        8 => " (SIGFPE)",
        11 => " (SIGSEGV)",
        _ => "",
    }
}

/// The end of a child's stderr, read as it comes so that the child never waits for it.
#[derive(Debug)]
struct Stderr {
    tail: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Stderr {
    fn follow(mut pipe: ChildStderr) -> Self {
        let tail = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&tail);
        let reader = tokio::spawn(async move {
            let mut buffer = [0; 1024];
            while let Ok(len @ 1..) = pipe.read(&mut buffer).await {
                let mut tail = kept.lock().unwrap_or_else(PoisonError::into_inner);
                tail.extend_from_slice(&buffer[..len]);
                let over = tail.len().saturating_sub(STDERR_TAIL);
                tail.drain(..over);
            }
        });
        Self { tail, reader }
    }

    fn take(&self) -> String {
        let tail = std::mem::take(&mut *self.tail.lock().unwrap_or_else(PoisonError::into_inner));
        String::from_utf8_lossy(&tail).trim().to_owned()
    }

    /// All of it, once its end has been read, or what there is after a while.
    async fn rest(&mut self) -> String {
        let _ = tokio::time::timeout(DYING, &mut self.reader).await;
        self.take()
    }
}

impl Drop for Stderr {
    fn drop(&mut self) {
        self.reader.abort();
    }
}
