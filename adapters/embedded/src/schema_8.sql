-- Step 8 of the schema: fairness between users, identical work, and what becomes of ended jobs.

-- held: waits behind others of its owner, not in the queue. ended_at: null unless final.
ALTER TABLE jobs ADD COLUMN held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1));
ALTER TABLE jobs ADD COLUMN ended_at INTEGER;
UPDATE jobs SET ended_at = json_extract(job, '$.updatedAt') WHERE status >= 2;

CREATE INDEX jobs_held ON jobs (owner, created_at, id) WHERE held = 1;
CREATE INDEX jobs_released ON jobs (owner) WHERE status < 2 AND held = 0;
CREATE INDEX jobs_running ON jobs (derivation) WHERE status = 1;
CREATE INDEX jobs_by_end ON jobs (ended_at) WHERE ended_at IS NOT NULL AND removal_due_at IS NULL;

-- Dead letters that another process than the one that has the data folder wants to see opened anew.
CREATE TABLE redrive_requests (
    job        BLOB PRIMARY KEY CHECK (length(job) = 12),
    generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
