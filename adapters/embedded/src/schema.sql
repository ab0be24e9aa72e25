-- Step 1 of the schema. Released databases have it: a change is a new step, never an edit of this one.
-- Ids are their 12 bytes, times are milliseconds since 1970, statuses and stages are the numbers of columns.rs.

CREATE TABLE users (
    id           BLOB PRIMARY KEY CHECK (length(id) = 12),
    username     TEXT NOT NULL,
    username_key TEXT NOT NULL UNIQUE,
    password     TEXT NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- stage: 0 reserved, 1 present, 2 deleted. A deleted image keeps its owner and time so that pages after it
-- continue at its place.
CREATE TABLE images (
    id          BLOB PRIMARY KEY CHECK (length(id) = 12),
    stage       INTEGER NOT NULL CHECK (stage IN (0, 1, 2)),
    owner       BLOB,
    created_at  INTEGER,
    current     INTEGER,
    next_number INTEGER,
    due_at      INTEGER,
    CHECK ((stage = 1) = (due_at IS NULL)),
    CHECK (stage <> 1 OR (owner IS NOT NULL AND created_at IS NOT NULL
                          AND current IS NOT NULL AND next_number IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX images_by_owner ON images (owner, created_at DESC, id DESC) WHERE stage = 1;
CREATE INDEX images_by_due ON images (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE versions (
    image      BLOB NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    parent     INTEGER,
    job        BLOB,
    content    TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (image, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX versions_by_job ON versions (image, job) WHERE job IS NOT NULL;

-- The job itself is JSON; the columns beside it are what queries ask for, derived from it at every store.
-- status: 0 queued, 1 running, 2 completed, 3 failed, 4 cancelled.
-- stale_since: since when the queue may not know of the job; null if it surely does, or need not.
-- result_until: until when the result is kept; null if there is none.
-- removal_due_at: when the output is to be removed; null if never, or if that is done.
CREATE TABLE jobs (
    sequence       INTEGER PRIMARY KEY,
    id             BLOB NOT NULL UNIQUE CHECK (length(id) = 12),
    owner          BLOB NOT NULL,
    image          BLOB NOT NULL,
    status         INTEGER NOT NULL CHECK (status BETWEEN 0 AND 4),
    created_at     INTEGER NOT NULL,
    derivation     TEXT NOT NULL,
    stale_since    INTEGER,
    not_before     INTEGER NOT NULL,
    result_until   INTEGER,
    removal_due_at INTEGER,
    job            TEXT NOT NULL
) STRICT;
CREATE INDEX jobs_by_owner ON jobs (owner, created_at DESC, id DESC);
CREATE INDEX jobs_by_owner_and_status ON jobs (owner, status, created_at DESC, id DESC);
CREATE INDEX jobs_open_by_image ON jobs (image) WHERE status < 2;
CREATE INDEX jobs_by_result ON jobs (derivation, result_until) WHERE result_until IS NOT NULL;
CREATE INDEX jobs_by_staleness ON jobs (stale_since) WHERE stale_since IS NOT NULL;
CREATE INDEX jobs_by_removal ON jobs (removal_due_at) WHERE removal_due_at IS NOT NULL;

-- One row for each job that waits or is in a worker's hands. generation grows when a message is published
-- again, so that the acknowledgement of an earlier delivery leaves the later message alone.
CREATE TABLE queue (
    sequence     INTEGER PRIMARY KEY AUTOINCREMENT,
    job          BLOB NOT NULL UNIQUE CHECK (length(job) = 12),
    available_at INTEGER NOT NULL,
    generation   INTEGER NOT NULL,
    payload      BLOB NOT NULL
) STRICT;

-- Messages that no worker could read, for an operator to look at.
CREATE TABLE rejected (
    sequence    INTEGER PRIMARY KEY AUTOINCREMENT,
    job         BLOB NOT NULL,
    payload     BLOB NOT NULL,
    rejected_at INTEGER NOT NULL
) STRICT;
