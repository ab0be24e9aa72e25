//! Who uses the service.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::UserId;
use crate::quotas::UserQuota;
use crate::secret::Secret;
use crate::time::Timestamp;

/// A registered user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id; every row that belongs to the user carries it.
    pub id: UserId,
    /// The name, as it was typed at registration.
    pub username: Username,
    /// What is kept of the password.
    pub password: PasswordHash,
    /// When the user registered.
    pub created_at: Timestamp,
    /// What the user may do beyond their own things.
    pub role: Role,
    /// Whether the account is closed by whoever runs the service: nobody can log in to it.
    pub disabled: bool,
    /// What the user may have; what everybody may if absent.
    pub quota: Option<UserQuota>,
    /// Tells which logins still count: those of this epoch. A new password begins the next, and so does closing
    /// the account.
    pub epoch: u32,
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Role {
    /// Work with what is their own.
    #[default]
    User,
    /// See all users and jobs, and end jobs, too.
    Operator,
    /// Change users, too.
    Admin,
}

impl Role {
    /// All roles; each may do what those before it may.
    pub const ALL: [Self; 3] = [Self::User, Self::Operator, Self::Admin];

    /// The role's name in the API and in stores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The role with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// One change of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserChange {
    /// Another password.
    Password(PasswordHash),
    /// Another role.
    Role(Role),
    /// Whether the account is closed.
    Disabled(bool),
    /// Another quota, or everybody's.
    Quota(Option<UserQuota>),
}

impl User {
    /// A user as they register.
    pub fn new(username: Username, password: PasswordHash, created_at: Timestamp) -> Self {
        let id = UserId::random();
        Self {
            id,
            username,
            password,
            created_at,
            role: Role::default(),
            disabled: false,
            quota: None,
            epoch: 0,
        }
    }

    /// Makes a change, and ends the logins that must not outlive it.
    pub fn apply(&mut self, change: UserChange) {
        match change {
            UserChange::Password(password) => {
                self.password = password;
                self.epoch += 1;
            }
            UserChange::Role(role) => self.role = role,
            UserChange::Quota(quota) => self.quota = quota,
            UserChange::Disabled(disabled) => {
                self.epoch += u32::from(disabled);
                self.disabled = disabled;
            }
        }
    }
}

/// A user's name: 3 to 64 characters, letters, digits and `. _ @ + -`. It keeps its case, but two names that
/// differ in case alone are the same name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Username(String);

impl Username {
    /// Fewest characters.
    pub const MIN_CHARS: usize = 3;
    /// Most characters.
    pub const MAX_CHARS: usize = 64;

    /// Checks length and characters.
    pub fn parse(text: &str) -> Result<Self, UsernameError> {
        let chars = text.chars().count();
        if !(Self::MIN_CHARS..=Self::MAX_CHARS).contains(&chars) {
            return Err(UsernameError::Length(chars));
        }
        match text.chars().find(|c| !(c.is_alphanumeric() || "._@+-".contains(*c))) {
            Some(character) => Err(UsernameError::Character(character)),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The name as it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form by which names are compared and kept unique.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl PartialEq for Username {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Username {}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Username {
    type Error = UsernameError;

    fn try_from(text: String) -> Result<Self, UsernameError> {
        Self::parse(&text)
    }
}

impl From<Username> for String {
    fn from(username: Username) -> Self {
        username.0
    }
}

/// Why a text is no user name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// Too short or too long.
    #[error("a username has 3 to 64 characters, not {0}")]
    Length(usize),
    /// A character that user names can't have.
    #[error("a username has letters, digits and . _ @ + - only, not {0:?}")]
    Character(char),
}

/// A password as the user typed it: 8 to 128 characters, any of them.
#[derive(Debug, Clone)]
pub struct Password(Secret);

impl Password {
    /// Fewest characters.
    pub const MIN_CHARS: usize = 8;
    /// Most characters; more would only cost time to hash.
    pub const MAX_CHARS: usize = 128;

    /// Checks the length.
    pub fn parse(text: &str) -> Result<Self, PasswordError> {
        let chars = text.chars().count();
        if (Self::MIN_CHARS..=Self::MAX_CHARS).contains(&chars) {
            Ok(Self(Secret::new(text)))
        } else {
            Err(PasswordError(chars))
        }
    }

    /// The password itself, for hashing.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// The password is too short or too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a password has 8 to 128 characters, not {0}")]
pub struct PasswordError(usize);

/// What is kept of a password: a PHC string with algorithm, parameters, salt and hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordHash(Secret);

impl PasswordHash {
    /// Wraps a PHC string.
    pub fn from_phc(phc: impl Into<String>) -> Self {
        Self(Secret::new(phc))
    }

    /// The PHC string, for storage and verification.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_keep_their_case_and_compare_without_it() {
        let name = Username::parse("Anna.Ößtürk").unwrap();
        assert_eq!(name.as_str(), "Anna.Ößtürk");
        assert_eq!(name, Username::parse("anna.ößtürk").unwrap());
    }

    #[test]
    fn bad_usernames_say_why() {
        assert_eq!(Username::parse("ab"), Err(UsernameError::Length(2)));
        assert_eq!(Username::parse(&"x".repeat(65)), Err(UsernameError::Length(65)));
        assert_eq!(Username::parse("a b c"), Err(UsernameError::Character(' ')));
        assert_eq!(Username::parse("abc\n"), Err(UsernameError::Character('\n')));
    }

    #[test]
    fn a_new_password_and_a_closed_account_end_the_logins_before_them() {
        let anna = Username::parse("anna").unwrap();
        let mut user = User::new(anna, PasswordHash::from_phc("old"), Timestamp::from_millis(0));
        let mut epoch_after = |change| {
            user.apply(change);
            user.epoch
        };
        assert_eq!(epoch_after(UserChange::Password(PasswordHash::from_phc("new"))), 1);
        assert_eq!(epoch_after(UserChange::Disabled(true)), 2);
        assert_eq!(epoch_after(UserChange::Disabled(false)), 2);
        assert_eq!(epoch_after(UserChange::Role(Role::Admin)), 2);
        assert_eq!(
            (user.password, user.disabled, user.role),
            (PasswordHash::from_phc("new"), false, Role::Admin)
        );
    }

    #[test]
    fn roles_have_names() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(role));
        }
        assert_eq!(Role::from_name("root"), None);
    }

    #[test]
    fn nothing_prints_a_password() {
        let password = Password::parse("strongPassword!").unwrap();
        assert!(!format!("{password:?}").contains("strong"));
        assert!(!format!("{:?}", PasswordHash::from_phc("$argon2id$x")).contains("argon2id"));
    }
}
