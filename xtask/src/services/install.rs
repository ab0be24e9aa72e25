//! Gets the programs of the servers, or says exactly how.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::progress::note;
use crate::{python, tools};

/// Where a server's program comes from.
pub(super) enum Needs {
    /// A package of the system.
    Package { program: &'static str, package: &'static str },
    /// A package for Python, put into an environment of its own.
    Python { package: &'static str },
}

impl Needs {
    /// The folder of the programs that came with packages for Python.
    pub(super) fn python(services: &Path) -> PathBuf {
        Self::environment(services).join("bin")
    }

    fn environment(services: &Path) -> PathBuf {
        services.join("python")
    }
}

/// Makes sure that the program is there.
///
/// # Errors
/// What to type.
pub(super) fn ensure(needs: &Needs, services: &Path) -> Result<(), String> {
    match *needs {
        Needs::Package { program, package } => {
            if tools::is_there(program) {
                return Ok(());
            }
            if tools::may_use_apt(package) {
                let _inactive = Inactive::new();
                tools::apt_install(&[package]);
                if tools::is_there(program) {
                    return Ok(());
                }
            }
            Err(format!(
                "{program} is missing; install it (Debian: apt-get install {package}) and start again"
            ))
        }
        Needs::Python { package } => python::ensure(&Needs::environment(services), package).map(drop),
    }
}

/// While it lives, packages that are installed do not start their servers: they are started from here.
struct Inactive {
    ours: bool,
}

/// Asked by Debian's packages before they start something.
const POLICY: &str = "/usr/sbin/policy-rc.d";

impl Inactive {
    fn new() -> Self {
        let ours = !Path::new(POLICY).exists()
            && fs::write(POLICY, "#!/bin/sh\nexit 101\n").is_ok()
            && Command::new("chmod").args(["755", POLICY]).status().is_ok();
        Self { ours }
    }
}

impl Drop for Inactive {
    fn drop(&mut self) {
        if self.ours {
            // A policy that stays would keep the machine's own services from starting.
            if let Err(error) = fs::remove_file(POLICY) {
                note(&format!("can't remove {POLICY}: {error}; remove it by hand"));
            }
        }
    }
}
