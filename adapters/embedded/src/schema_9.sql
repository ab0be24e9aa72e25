-- Step 9 of the schema: requests for several results under one idempotency key.

-- operation: 0 upload, 1 transform, 2 batch; the rest is as in step 4. A check can't be changed, only a table replaced.
CREATE TABLE once_keys_9 (
    owner        BLOB NOT NULL CHECK (length(owner) = 12),
    operation    INTEGER NOT NULL CHECK (operation IN (0, 1, 2)),
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
INSERT INTO once_keys_9 (owner, operation, key, attempt, before, held_until, made, fingerprint, forgotten_at)
    SELECT owner, operation, key, attempt, before, held_until, made, fingerprint, forgotten_at FROM once_keys;
DROP TABLE once_keys;
ALTER TABLE once_keys_9 RENAME TO once_keys;
CREATE INDEX once_keys_by_end ON once_keys (forgotten_at);
