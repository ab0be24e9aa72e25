//! The commands with which an operator adds and changes users, whether the server runs or not.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use clap::{Subcommand, ValueEnum};
use pixmill::{Password, RegisterError, Role, User, UserAdmin, Username};
use pixmill_embedded::SqliteUsers;
use pixmill_runtime::{Argon2Config, Argon2Passwords, SystemClock};

use crate::error::{StartError, system};
use crate::systems::mongodb::MongoDb;

/// What to do with a user. Passwords are asked for, or read from standard input, never taken from the command line,
/// where other users of the machine could see them.
#[derive(Debug, Clone, Subcommand)]
pub enum UserCommand {
    /// Add a user, whether strangers may register or not
    Add {
        /// The new user's name
        name: String,
        /// What the user may do
        #[arg(long, default_value = "user")]
        role: RoleArgument,
    },
    /// Give a user another password; tokens from before stop working
    ResetPassword {
        /// The user's name
        name: String,
    },
    /// Close an account: nobody can log in to it, and its tokens stop working
    Disable {
        /// The user's name
        name: String,
    },
    /// Open a closed account again
    Enable {
        /// The user's name
        name: String,
    },
    /// Give a user another role
    SetRole {
        /// The user's name
        name: String,
        /// What the user may do
        role: RoleArgument,
    },
}

/// A role on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleArgument {
    /// Work with what is their own
    User,
    /// See all users and jobs, and end jobs, too
    Operator,
    /// Change users, too
    Admin,
}

impl From<RoleArgument> for Role {
    fn from(role: RoleArgument) -> Self {
        match role {
            RoleArgument::User => Self::User,
            RoleArgument::Operator => Self::Operator,
            RoleArgument::Admin => Self::Admin,
        }
    }
}

/// Does what the command says with a user in MongoDB, if it is configured, or in the data folder, and says that it is done.
///
/// # Errors
/// If there is no such user or the name is taken, the password can't be used, or the folder or the database can't.
pub fn manage_user(command: UserCommand, data_dir: &Path, mongodb: &MongoDb) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.map_err(system("threads"))?.block_on(run(command, data_dir, mongodb))?;
    writeln!(io::stdout(), "{done}").map_err(StartError::Output)
}

async fn run(command: UserCommand, data_dir: &Path, mongodb: &MongoDb) -> Result<String, StartError> {
    let clock = Arc::new(SystemClock::new());
    let users = match mongodb.users().await? {
        Some(users) => users,
        None => Arc::new(SqliteUsers::open(data_dir, clock.clone())?),
    };
    let passwords = Argon2Passwords::start(&Argon2Config::default());
    let passwords = passwords.map_err(system("threads for passwords"))?;
    let admin = UserAdmin::new(users, Arc::new(passwords), clock);
    apply(&admin, command).await
}

async fn apply(admin: &UserAdmin, command: UserCommand) -> Result<String, StartError> {
    match command {
        UserCommand::Add { name, role } => {
            let role = Role::from(role);
            let name = username(&name)?;
            let added = admin.add(name.clone(), password()?, role).await;
            added.map_err(|error| match error {
                RegisterError::Port(error) => StartError::Port(error),
                refused => StartError::User(refused.to_string()),
            })?;
            Ok(format!("added {name} ({})", role.name()))
        }
        UserCommand::ResetPassword { name } => {
            let user = find(admin, &name).await?;
            let changed = admin.reset_password(user.id, password()?).await?;
            done(changed, "has another password; tokens from before stop working within seconds")
        }
        UserCommand::Disable { name } => {
            let changed = admin.set_disabled(find(admin, &name).await?.id, true).await?;
            done(changed, "is closed; tokens stop working within seconds")
        }
        UserCommand::Enable { name } => {
            let changed = admin.set_disabled(find(admin, &name).await?.id, false).await?;
            done(changed, "is open and can log in")
        }
        UserCommand::SetRole { name, role } => {
            let role = Role::from(role);
            let changed = admin.set_role(find(admin, &name).await?.id, role).await?;
            done(changed, &format!("is {} from now on", role.name()))
        }
    }
}

fn done(changed: Option<User>, what: &str) -> Result<String, StartError> {
    let gone = || StartError::User("the user was deleted meanwhile".to_owned());
    changed.map(|user| format!("{} {what}", user.username)).ok_or_else(gone)
}

fn username(name: &str) -> Result<Username, StartError> {
    Username::parse(name).map_err(|error| StartError::User(error.to_string()))
}

async fn find(admin: &UserAdmin, name: &str) -> Result<User, StartError> {
    let unknown = || StartError::User(format!("there is no user named {name}"));
    admin.find(username(name)?).await?.ok_or_else(unknown)
}

/// Asks for a password twice, or takes the first line of standard input if nobody sits there.
fn password() -> Result<Password, StartError> {
    let unreadable = |error| StartError::System { what: "a password from standard input", source: error };
    let text = if io::stdin().is_terminal() {
        let text = rpassword::prompt_password("Password: ").map_err(unreadable)?;
        let again = rpassword::prompt_password("The same again: ").map_err(unreadable)?;
        if text != again {
            return Err(StartError::User("the two passwords differ; nothing was changed".to_owned()));
        }
        text
    } else {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map_err(unreadable)?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    };
    Password::parse(&text).map_err(|error| StartError::User(error.to_string()))
}
