//! `mutations`: takes out one guard after the other and demands that something notices: the fault harness over whole
//! systems, or a suite of tests. It works on a copy of the sources, and builds beside the usual build.

mod list;

use std::{
    collections::BTreeSet,
    fs,
    fs::File,
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    cargo,
    failure::Failure,
    progress::{Steps, note, table},
    services, tools,
};

/// A guard that is taken out.
struct Mutation {
    name: &'static str,
    /// What goes wrong without it.
    about: &'static str,
    file: &'static str,
    /// What is in the file, once.
    code: &'static str,
    /// What takes its place.
    instead: &'static str,
    notice: Notice,
}

/// What is to notice.
#[derive(Clone, Copy, PartialEq)]
enum Notice {
    /// The fault harness with these arguments.
    Faults(&'static str),
    /// The tests that these arguments choose.
    Tests(&'static str),
}

/// Without a guard something may wait for ever: what has not succeeded by then has failed.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
/// The sources as they are.
const WHOLE: &str = "as-they-are";

/// Takes out all guards, or those that are named.
pub(crate) fn start(arguments: &[String]) -> Result<(), Failure> {
    let chosen = choose(arguments)?;
    let mut steps = Steps::new(4 + chosen.len());
    steps.next("checking build tools");
    tools::ensure()?;
    let home = cargo::target_folder()?.join("mutations");
    let (sources, logs) = (home.join("sources"), home.join("logs"));
    steps.next("copying the sources");
    copy(&sources)?;
    fs::create_dir_all(&logs).map_err(|error| unusable(&logs, &error))?;
    steps.next("building them as they are (the first time takes minutes)");
    let place = Place { sources, build: home.join("build"), logs };
    place.build(WHOLE)?;
    steps.next("checking that nothing is noticed while all guards are there");
    for (number, mutation) in chosen.iter().enumerate() {
        let asked = chosen[..number].iter().any(|earlier| earlier.notice == mutation.notice);
        if !asked && place.ask(WHOLE, mutation.notice)? {
            let log = place.logs.join(format!("{WHOLE}.log"));
            return Err(Failure::failed(format!(
                "what is to notice the lack of `{}` fails with it, too; see {}",
                mutation.name,
                log.display()
            )));
        }
    }
    let mut rows = Vec::new();
    let mut missed = Vec::new();
    for mutation in chosen {
        steps.next(&format!("{}: {}", mutation.name, mutation.about));
        let noticed = place.notices(mutation)?;
        note(if noticed { "noticed" } else { "NOT noticed" });
        if !noticed {
            missed.push(mutation.name);
        }
        let (Notice::Faults(by) | Notice::Tests(by)) = mutation.notice;
        let noticed = if noticed { "yes" } else { "NO" };
        rows.push([mutation.name.to_owned(), noticed.to_owned(), format!("{by}: {}", mutation.about)]);
    }
    print!("{}", table(["guard", "noticed", "by"], &rows));
    match missed.as_slice() {
        [] => Ok(()),
        _ => Err(Failure::failed(format!("nothing noticed the lack of {}", missed.join(", ")))),
    }
}

fn choose(names: &[String]) -> Result<Vec<&'static Mutation>, Failure> {
    let known = || list::MUTATIONS.iter();
    let find = |name: &String| {
        let all: Vec<_> = known().map(|mutation| mutation.name).collect();
        known().find(|mutation| mutation.name == name).ok_or_else(|| {
            Failure::usage(format!("there is no guard `{name}`; there are {}", all.join(", ")))
        })
    };
    if names.is_empty() { Ok(known().collect()) } else { names.iter().map(find).collect() }
}

/// Copies what git knows of, and removes what it does not know any more. What is the same already is left alone, so that cargo
/// need not build it anew.
fn copy(sources: &Path) -> Result<(), Failure> {
    let mut command = Command::new("git");
    command.current_dir(cargo::root()).args(["ls-files", "-z"]);
    let listed = cargo::output(&mut command, "git ls-files")?;
    let mut copied = BTreeSet::new();
    for name in String::from_utf8_lossy(&listed).split_terminator('\0') {
        let (from, to) = (cargo::root().join(name), sources.join(name));
        let Ok(bytes) = fs::read(&from) else { continue };
        write(&to, &bytes)?;
        copied.insert(to);
    }
    remove_others(sources, &copied).map_err(|error| unusable(sources, &error))
}

/// Removes all files below a folder but these.
fn remove_others(folder: &Path, kept: &BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            remove_others(&path, kept)?;
        } else if !kept.contains(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Writes a file, unless it has these bytes.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, bytes));
    made.map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    Failure::failed(format!("cannot write {}: {error}", path.display()))
}

/// Where the sources are that guards are taken from.
struct Place {
    sources: PathBuf,
    build: PathBuf,
    logs: PathBuf,
}

impl Place {
    /// Whether the lack of a guard is noticed.
    fn notices(&self, mutation: &Mutation) -> Result<bool, Failure> {
        let path = self.sources.join(mutation.file);
        let whole = fs::read_to_string(&path).map_err(|error| unusable(&path, &error))?;
        write(&path, whole.replacen(mutation.code, mutation.instead, 1).as_bytes())?;
        let noticed = self.build(mutation.name).and_then(|()| self.ask(mutation.name, mutation.notice));
        write(&path, whole.as_bytes())?;
        noticed
    }

    /// Builds what is to notice, so that a mistake in a mutation is not taken for a success.
    fn build(&self, name: &str) -> Result<(), Failure> {
        let arguments =
            ["build", "--workspace", "--bins", "--tests", "--examples", "--features", cargo::FAULTS];
        let log = self.logs.join(format!("{name}-build.log"));
        if self.run(&arguments, &log)? {
            Ok(())
        } else {
            Err(Failure::failed(format!("the sources with `{name}` don't build; see {}", log.display())))
        }
    }

    /// Whether what is to notice does.
    fn ask(&self, name: &str, notice: Notice) -> Result<bool, Failure> {
        let log = self.logs.join(format!("{name}.log"));
        let (start, rest): (&[&str], _) = match notice {
            Notice::Faults(rest) => (&["xtask", "faults"], rest),
            Notice::Tests(rest) => (&["test", "--workspace", "--features", cargo::FAULTS], rest),
        };
        let words: Vec<_> = start.iter().copied().chain(rest.split_whitespace()).collect();
        Ok(!self.run(&words, &log)?)
    }

    /// Calls cargo there, and says whether it succeeded in time.
    fn run(&self, arguments: &[&str], log: &Path) -> Result<bool, Failure> {
        let failed = |error| Failure::failed(format!("cannot run cargo for {}: {error}", log.display()));
        let out = File::create(log).map_err(failed)?;
        let both = out.try_clone().map_err(failed)?;
        let mut command = cargo::cargo(arguments);
        command.current_dir(&self.sources).env("CARGO_TARGET_DIR", &self.build);
        command.stdin(Stdio::null()).stdout(out).stderr(both);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut running = command.spawn().map_err(failed)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = running.try_wait().map_err(failed)? {
                return Ok(status.success());
            }
            if Instant::now() > deadline {
                // What cargo has started has to go, too.
                services::signal("-KILL", &running.id().to_string())?;
                running.wait().map_err(failed)?;
                return Ok(false);
            }
            services::wait(BETWEEN_LOOKS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guard_is_where_it_is_taken_from() {
        for mutation in list::MUTATIONS {
            let Mutation { name, file, code, instead, .. } = mutation;
            let source = fs::read_to_string(cargo::root().join(file)).unwrap();
            assert_eq!(source.matches(code).count(), 1, "{name}: {file} has this once: {code}");
            assert_ne!(code, instead, "{name}");
        }
    }

    #[test]
    fn guards_are_chosen_by_name() {
        assert_eq!(choose(&[]).unwrap().len(), list::MUTATIONS.len());
        assert_eq!(choose(&["fencing".to_owned()]).unwrap().len(), 1);
        assert_eq!(choose(&["fence".to_owned()]).err().unwrap().exit_code(), 2);
    }
}
