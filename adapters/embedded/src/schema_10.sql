-- Step 10 of the schema: indexes of open jobs apart from those of ended ones. The next attempt at a job, or its end, then writes
-- only those that tell the difference, and most of what is written is where the jobs of that time are.

DROP INDEX jobs_by_owner_and_status;
DROP INDEX jobs_by_status;
DROP INDEX jobs_released;

CREATE INDEX jobs_open ON jobs (created_at DESC, id DESC) WHERE status < 2;
CREATE INDEX jobs_released ON jobs (owner, created_at DESC, id DESC) WHERE status < 2 AND held = 0;
CREATE INDEX jobs_ended ON jobs (status, created_at DESC, id DESC) WHERE status >= 2;
CREATE INDEX jobs_ended_by_owner ON jobs (owner, status, created_at DESC, id DESC) WHERE status >= 2;
