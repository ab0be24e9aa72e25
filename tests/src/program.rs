//! The server's program and the folder that a process of it lives in.

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tempfile::{NamedTempFile, TempDir};

/// Variables that a process needs to run at all. All others would be stray settings.
const KEPT: [&str; 3] = ["PATH", "HOME", "TMPDIR"];

/// The server's program: what `PIXMILL_SERVER_BIN` names, or what cargo has put beside this program.
///
/// # Panics
/// If it is not there.
pub fn program() -> PathBuf {
    if let Some(named) = env::var_os("PIXMILL_SERVER_BIN") {
        let path = PathBuf::from(named);
        assert!(path.is_file(), "PIXMILL_SERVER_BIN names {}, where no program is", path.display());
        return path;
    }
    let here = env::current_exe().expect("the system knows which program is running");
    // target/PROFILE/deps/e2e-HASH and target/PROFILE/examples/NAME
    let profile = here.ancestors().nth(2).unwrap_or_else(|| Path::new("."));
    let path = profile.join(format!("pixmill-server{}", env::consts::EXE_SUFFIX));
    assert!(
        path.is_file(),
        "there is no {}: build it with `cargo build -p pixmill-server`, or name one in PIXMILL_SERVER_BIN",
        path.display()
    );
    path
}

/// The worker's program, which lies beside the server's.
///
/// # Panics
/// If it is not there.
pub(crate) fn worker_program() -> PathBuf {
    let path = program().with_file_name(format!("pixmill-worker{}", env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "there is no {}: build it with `cargo build --workspace --bins`", path.display());
    path
}

/// A temporary folder that servers are started in, one after the other. It goes with the last copy of this.
#[derive(Clone)]
pub struct Home(Arc<Folder>);

struct Folder {
    path: TempDir,
    /// Whether it is a file system of its own.
    mounted: bool,
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.mounted {
            // Whoever is left in there keeps it; nothing else can be done about that.
            let _ = Command::new("umount").arg(self.path.path()).status();
        }
    }
}

impl Home {
    /// An empty folder.
    ///
    /// # Panics
    /// If there is no room for it.
    #[expect(clippy::new_without_default, reason = "a default should cost nothing")]
    pub fn new() -> Self {
        Self(Arc::new(Folder { path: folder(), mounted: false }))
    }

    /// An empty folder that has room for so many bytes and no more.
    ///
    /// # Errors
    /// Why there can't be one: it takes the right to mount file systems.
    pub fn with_room(bytes: u64) -> Result<Self, String> {
        let path = folder();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "pixmill-e2e"]).arg(path.path());
        let done = mount.output().map_err(|error| format!("there is no `mount`: {error}"))?;
        if done.status.success() {
            return Ok(Self(Arc::new(Folder { path, mounted: true })));
        }
        Err(format!("no file system can be mounted: {}", String::from_utf8_lossy(&done.stderr).trim()))
    }

    /// Fills the folder to its last byte, for as long as what is returned lives.
    ///
    /// # Panics
    /// If files can't be made here.
    pub fn fill(&self) -> NamedTempFile {
        let mut ballast = NamedTempFile::new_in(self.path()).expect("a file can be made");
        for size in [1 << 16, 1 << 10, 1] {
            while ballast.write_all(&vec![0; size]).is_ok() {}
        }
        ballast
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.0.path.path()
    }

    /// The data folder that a server uses here by default.
    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Every blob of the server, as its path below `data/blobs`, sorted.
    pub fn blobs(&self) -> Vec<String> {
        files(&self.data().join("blobs"))
    }

    /// Every temporary file of the server.
    pub fn temporary_files(&self) -> Vec<String> {
        files(&self.data().join("tmp"))
    }

    /// The server's program, to be started here with these variables and no others.
    pub fn command(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Command {
        self.command_of(&program(), variables, arguments)
    }

    /// A program, to be started here with these variables and no others.
    pub(crate) fn command_of(
        &self,
        program: &Path,
        variables: &[(&str, &str)],
        arguments: &[&str],
    ) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).args(arguments).env_clear().stdin(Stdio::null());
        command.envs(KEPT.iter().filter_map(|name| Some((name, env::var_os(name)?))));
        command.envs(variables.iter().copied());
        command
    }

    /// Runs the program to its end. It must end by itself.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn run(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
        self.run_with_input(variables, arguments, "")
    }

    /// Runs the program to its end, with this on its standard input.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn run_with_input(&self, variables: &[(&str, &str)], arguments: &[&str], input: &str) -> Ended {
        let mut command = self.command(variables, arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("can't start {command:?}: {error}"));
        // It may end without a look at its input.
        drop(process.stdin.take().map(|mut pipe| pipe.write_all(input.as_bytes())));
        let output =
            process.wait_with_output().unwrap_or_else(|error| panic!("can't run {command:?}: {error}"));
        Ended {
            succeeded: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("pixmill-e2e-").tempdir();
    folder.expect("a temporary folder can be made")
}

/// What came of a program that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Whether its exit code was zero.
    pub succeeded: bool,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// The files below `folder` by their paths, sorted. A file that vanishes during the walk was not there.
fn files(folder: &Path) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(name) = path.strip_prefix(folder) {
                found.push(name.to_string_lossy().into_owned());
            }
        }
    }
    found.sort_unstable();
    found
}
