-- Step 5 of the schema: API keys, and lists for operators.

-- The key itself is JSON; the columns beside it are what queries ask for.
CREATE TABLE api_keys (
    id         BLOB PRIMARY KEY CHECK (length(id) = 12),
    owner      BLOB NOT NULL CHECK (length(owner) = 12),
    created_at INTEGER NOT NULL,
    api_key    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_by_owner ON api_keys (owner, created_at DESC, id DESC);

CREATE INDEX users_by_creation ON users (created_at DESC, id DESC) WHERE due_at IS NULL;
CREATE INDEX jobs_by_creation ON jobs (created_at DESC, id DESC);
CREATE INDEX jobs_by_status ON jobs (status, created_at DESC, id DESC);
