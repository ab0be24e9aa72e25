//! Identifiers: 96 random bits each, written as 24 hexadecimal characters, one type for each thing named.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The text is not 24 lower-case hexadecimal characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is 24 hexadecimal characters")]
pub struct ParseIdError;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; 12]);

        impl $name {
            /// A new id from the operating system's random numbers.
            pub fn random() -> Self {
                Self(random_bytes())
            }

            /// The id with these bits.
            pub const fn from_bytes(bytes: [u8; 12]) -> Self {
                Self(bytes)
            }

            /// The bits of the id.
            pub fn as_bytes(&self) -> &[u8; 12] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; 24];
                hex::encode_to_slice(self.0, &mut text).expect("24 is twice 12");
                f.write_str(std::str::from_utf8(&text).expect("hexadecimal digits are ASCII"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseIdError;

            fn try_from(text: String) -> Result<Self, ParseIdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

id!(
    /// Names a user.
    UserId
);
id!(
    /// Names an image with all its versions.
    ImageId
);
id!(
    /// Names a job.
    JobId
);

id!(
    /// Names an API key.
    ApiKeyId
);
id!(
    /// Names what a request made, an image or a job, or what it is going to make.
    MadeId
);

macro_rules! made {
    ($($name:ident)*) => {$(
        impl From<$name> for MadeId {
            fn from(id: $name) -> Self {
                Self(id.0)
            }
        }

        impl From<MadeId> for $name {
            fn from(id: MadeId) -> Self {
                Self(id.0)
            }
        }
    )*};
}
made!(ImageId JobId);

fn parse(text: &str) -> Result<[u8; 12], ParseIdError> {
    // One spelling for each id: upper case would make two URLs for one resource.
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(ParseIdError);
    }
    let mut bytes = [0; 12];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| ParseIdError)?;
    Ok(bytes)
}

/// Random bytes from the operating system.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system always has random numbers");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text() {
        let id = ImageId::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().len(), 24);
    }

    #[test]
    fn malformed_ids_are_refused() {
        for text in [
            "",
            "0",
            "671cd3df6b14c65a5537b3b",
            "671cd3df6b14c65a5537b3b3a",
            "671CD3DF6B14C65A5537B3B3",
            "zzzzzzzzzzzzzzzzzzzzzzzz",
            "671cd3df6b14c65a5537b3b\u{e9}",
            "../../../../etc/passwd",
        ] {
            assert_eq!(text.parse::<JobId>(), Err(ParseIdError), "{text}");
        }
    }
}
