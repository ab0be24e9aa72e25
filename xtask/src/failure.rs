//! How a command ends when it does not succeed.

/// A command's failure: what to say, and with which exit code to leave.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line asked for something that does not exist. Exit code 2, as is usual for such tools.
    Usage(String),
    /// The command ran and could not finish. Exit code 1.
    Failed(String),
    /// The command has already said on its own what failed. Exit code 1.
    Reported,
}

impl Failure {
    /// A misuse of the command line, described by `message`.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// A failed command, described by `message`.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// What is still to be said, if anything.
    pub(crate) fn message(&self) -> Option<&str> {
        match self {
            Self::Usage(message) | Self::Failed(message) => Some(message),
            Self::Reported => None,
        }
    }

    /// The process's exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Failed(_) | Self::Reported => 1,
        }
    }
}
