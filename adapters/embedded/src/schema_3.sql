-- Step 3 of the schema: what becomes of an account.

ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'user';
ALTER TABLE users ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1));
ALTER TABLE users ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;

-- When the grace of a deleted user ends; null unless deleted.
ALTER TABLE users ADD COLUMN due_at INTEGER;
CREATE INDEX users_by_due ON users (due_at) WHERE due_at IS NOT NULL;
