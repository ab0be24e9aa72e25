//! The programs that the C codecs are built with: finds them, installs them where nobody is there to ask, and
//! otherwise names the exact command. Without nasm the codecs would lose their SIMD code and be several times
//! slower, so a missing tool is never passed over in silence.

use std::{
    env,
    io::{self, BufRead, IsTerminal, Write},
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    failure::Failure,
    progress::{self, note},
};

/// A package manager whose commands we know. The order is that of [`Tool::packages`].
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manager {
    Apt,
    Dnf,
    Pacman,
    Brew,
}

impl Manager {
    const ALL: [Self; 4] = [Self::Apt, Self::Dnf, Self::Pacman, Self::Brew];

    fn program(self) -> &'static str {
        match self {
            Self::Apt => "apt-get",
            Self::Dnf => "dnf",
            Self::Pacman => "pacman",
            Self::Brew => "brew",
        }
    }

    fn install(self) -> &'static str {
        match self {
            Self::Apt => "apt-get install -y",
            Self::Dnf => "dnf install -y",
            Self::Pacman => "pacman -S --needed",
            Self::Brew => "brew install",
        }
    }
}

/// Something the build calls.
struct Tool {
    name: &'static str,
    purpose: &'static str,
    /// Any one of these on the `PATH` will do.
    programs: &'static [&'static str],
    /// Naming a program in this variable will do as well.
    variable: Option<&'static str>,
    /// The package for apt, dnf and pacman, and for Homebrew; the latter takes compilers from Xcode.
    packages: [Option<&'static str>; 4],
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "nasm",
        purpose: "assembles the codecs' SIMD code",
        programs: &["nasm"],
        variable: None,
        packages: [Some("nasm"); 4],
    },
    Tool {
        name: "cmake",
        purpose: "configures the codecs",
        programs: &["cmake"],
        variable: Some("CMAKE"),
        packages: [Some("cmake"); 4],
    },
    Tool {
        name: "make",
        purpose: "builds what cmake configured",
        programs: &["make", "gmake"],
        variable: None,
        packages: [Some("make"), Some("make"), Some("make"), None],
    },
    Tool {
        name: "perl",
        purpose: "generates part of the AVIF codec",
        programs: &["perl"],
        variable: None,
        packages: [Some("perl"); 4],
    },
    Tool {
        name: "C compiler",
        purpose: "compiles the codecs and SQLite",
        programs: &["cc", "gcc", "clang"],
        variable: Some("CC"),
        packages: [Some("gcc"), Some("gcc"), Some("gcc"), None],
    },
    Tool {
        name: "C++ compiler",
        purpose: "is asked for by the AVIF codec's build",
        programs: &["c++", "g++", "clang++"],
        variable: Some("CXX"),
        packages: [Some("g++"), Some("gcc-c++"), Some("gcc"), None],
    },
];

/// Makes sure that all build tools are there, or says which are not and how to get them.
pub(crate) fn ensure() -> Result<(), Failure> {
    let missing = missing();
    if missing.is_empty() {
        let names: Vec<_> = needed().map(|tool| tool.name).collect();
        note(&format!("found {}", names.join(", ")));
        return Ok(());
    }
    for tool in &missing {
        note(&format!("{} is missing: it {}", tool.name, tool.purpose));
    }
    if may_use_apt(&packages(&missing, Manager::Apt).join(" ")) {
        install_with_apt(&missing)?;
        if self::missing().is_empty() {
            return Ok(());
        }
    }
    let manager = Manager::ALL.into_iter().find(|manager| on_path(manager.program()));
    Err(Failure::failed(advice(&missing, manager)))
}

/// The tools that this machine's kind of build calls: only x86 code is assembled by nasm, and the compilers
/// and build tool of Visual Studio are not looked for on the `PATH`.
fn needed() -> impl Iterator<Item = &'static Tool> {
    TOOLS.iter().filter(|tool| match tool.name {
        "nasm" => cfg!(any(target_arch = "x86", target_arch = "x86_64")),
        "cmake" | "perl" => true,
        _ => !cfg!(windows),
    })
}

fn missing() -> Vec<&'static Tool> {
    needed().filter(|tool| !tool.programs.iter().any(|program| on_path(program)) && !named(tool)).collect()
}

/// Whether the environment names a program for `tool`. Whether it works is for the build to say.
fn named(tool: &Tool) -> bool {
    tool.variable.and_then(env::var_os).is_some_and(|value| !value.is_empty())
}

/// Whether a program is on the `PATH`, or at the path that it is named by.
pub(crate) fn is_there(program: &str) -> bool {
    on_path(program) || (program.contains('/') && is_executable(Path::new(program)))
}

/// Whether `package` may be installed with apt-get: on a machine of which we are root, and if whoever is asked agrees.
pub(crate) fn may_use_apt(package: &str) -> bool {
    on_path("apt-get") && is_root() && agreed(package)
}

fn on_path(program: &str) -> bool {
    let file = format!("{program}{}", env::consts::EXE_SUFFIX);
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| is_executable(&folder.join(&file))))
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").stderr(Stdio::null()).output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// In a terminal a person decides; without one (in a container's build, in CI) installing is what is wanted.
fn agreed(packages: &str) -> bool {
    let interactive = io::stdin().is_terminal() && env::var_os("CI").is_none();
    if !interactive {
        return true;
    }
    let mut answer = String::new();
    eprint!("      install {packages} with apt-get now? [y/N] ");
    let asked = io::stderr().flush().and_then(|()| io::stdin().lock().read_line(&mut answer));
    asked.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

fn install_with_apt(missing: &[&Tool]) -> Result<(), Failure> {
    if apt_install(&packages(missing, Manager::Apt)) {
        return Ok(());
    }
    let command = advice(missing, Some(Manager::Apt));
    Err(Failure::failed(format!("apt-get could not install the build tools; {command}")))
}

/// Installs packages, and returns whether that worked.
pub(crate) fn apt_install(packages: &[&str]) -> bool {
    note(&format!("installing {} with apt-get", packages.join(" ")));
    // Package lists are often absent from container images. If they can't be fetched, the old ones may do.
    if apt(&["update", "-q"]).is_err() {
        note("apt-get update failed; trying with the package lists at hand");
    }
    let mut arguments = vec!["install", "-y", "-q", "--no-install-recommends"];
    arguments.extend(packages);
    apt(&arguments).is_ok()
}

/// Runs apt-get with what it prints on standard error, because standard output carries results.
fn apt(arguments: &[&str]) -> Result<(), Failure> {
    let mut command = Command::new("apt-get");
    command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(io::stderr());
    crate::cargo::run(&mut command, "apt-get")
}

fn packages(missing: &[&Tool], manager: Manager) -> Vec<&'static str> {
    let mut packages: Vec<_> = missing.iter().filter_map(|tool| tool.packages[manager as usize]).collect();
    packages.dedup();
    packages
}

/// The sentence that names the command to type, for each manager when none is known to be here.
fn advice(missing: &[&Tool], manager: Option<Manager>) -> String {
    let names: Vec<_> = missing.iter().map(|tool| tool.name).collect();
    // Homebrew refuses to run as root; for the others, containers have root but no sudo.
    let sudo = |manager| if manager == Manager::Brew || is_root() { "" } else { "sudo " };
    let managers = manager.map_or(Manager::ALL.to_vec(), |manager| vec![manager]);
    let rows: Vec<[String; 2]> = managers
        .into_iter()
        .map(|manager| {
            [manager.program().to_owned(), format!("{}{}", sudo(manager), install_command(missing, manager))]
        })
        .collect();
    let commands = match rows.as_slice() {
        [[_, command]] => format!("  {command}"),
        _ => progress::table(["with", "run"], &rows),
    };
    format!("the build needs {}; install it and start again:\n{commands}", names.join(", "))
}

fn install_command(missing: &[&Tool], manager: Manager) -> String {
    let packages = packages(missing, manager);
    let mut commands = Vec::new();
    if !packages.is_empty() {
        commands.push(format!("{} {}", manager.install(), packages.join(" ")));
    }
    if packages.is_empty() || missing.iter().any(|tool| tool.packages[manager as usize].is_none()) {
        commands.push("xcode-select --install".to_owned());
    }
    commands.join(" && ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(names: &[&str]) -> Vec<&'static Tool> {
        TOOLS.iter().filter(|tool| names.contains(&tool.name)).collect()
    }

    #[test]
    fn each_manager_gets_its_own_command() {
        for (missing, manager, expected) in [
            (&["nasm"][..], Manager::Apt, "apt-get install -y nasm"),
            (&["nasm", "C++ compiler"], Manager::Apt, "apt-get install -y nasm g++"),
            (&["nasm", "C++ compiler"], Manager::Dnf, "dnf install -y nasm gcc-c++"),
            (&["C compiler", "C++ compiler"], Manager::Pacman, "pacman -S --needed gcc"),
            (&["nasm", "cmake"], Manager::Brew, "brew install nasm cmake"),
            (&["cmake", "C compiler"], Manager::Brew, "brew install cmake && xcode-select --install"),
            (&["make"], Manager::Brew, "xcode-select --install"),
        ] {
            assert_eq!(install_command(&tools(missing), manager), expected);
        }
    }

    #[test]
    fn without_a_known_manager_every_command_is_named() {
        let text = advice(&tools(&["nasm"]), None);
        for manager in Manager::ALL {
            assert!(text.contains(&format!("{} nasm", manager.install())), "{text}");
        }
        assert_eq!(advice(&tools(&["nasm"]), Some(Manager::Dnf)).matches("install -y").count(), 1);
    }

    #[test]
    fn a_program_is_found_only_where_it_is() {
        let cargo = "cargo";
        assert!(on_path(cargo), "the tests run under cargo");
        assert!(!on_path("pixmill-no-such-program"));
    }
}
