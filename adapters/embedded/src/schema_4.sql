-- Step 4 of the schema: requests that have one effect however often they are sent.

-- operation: 0 upload, 1 transform. attempt: who has, or had, the turn until held_until. before: who had it earlier, as
-- their ids one after the other. made and fingerprint: what came of it; null until it is done.
CREATE TABLE once_keys (
    owner        BLOB NOT NULL CHECK (length(owner) = 12),
    operation    INTEGER NOT NULL CHECK (operation IN (0, 1)),
    key          TEXT NOT NULL,
    attempt      BLOB NOT NULL CHECK (length(attempt) = 12),
    before       BLOB NOT NULL DEFAULT x'' CHECK (length(before) % 12 = 0),
    held_until   INTEGER NOT NULL,
    made         BLOB CHECK (length(made) = 12),
    fingerprint  TEXT,
    forgotten_at INTEGER NOT NULL,
    PRIMARY KEY (owner, operation, key),
    CHECK ((made IS NULL) = (fingerprint IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX once_keys_by_end ON once_keys (forgotten_at);
