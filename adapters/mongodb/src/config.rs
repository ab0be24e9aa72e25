//! What has to be known to reach MongoDB.

use std::fmt;

/// Which server, and which database of it.
#[derive(Clone)]
pub struct MongoConfig {
    /// `mongodb://` or `mongodb+srv://`, with all that the driver understands. The servers must be a replica set, of one
    /// member at least.
    pub uri: String,
    /// The database; the one that the URI names if absent, and `pixmill` if that names none.
    pub database: Option<String>,
}

impl MongoConfig {
    /// The database that the URI names.
    pub fn new(uri: impl Into<String>) -> Self {
        Self { uri: uri.into(), database: None }
    }
}

impl fmt::Debug for MongoConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URI may hold a password.
        f.debug_struct("MongoConfig").field("database", &self.database).finish_non_exhaustive()
    }
}
