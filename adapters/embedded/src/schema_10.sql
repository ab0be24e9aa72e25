-- Step 10 of the schema: indexes of open jobs apart from those of ended ones, so that a job which begins moves in no index of
-- lists. They tell the two apart by ended_at: a column that is set has every index written whose condition names it, and the
-- status is set at each beginning.

DROP INDEX jobs_by_owner_and_status;
DROP INDEX jobs_by_status;
DROP INDEX jobs_open_by_image;
DROP INDEX jobs_released;

CREATE INDEX jobs_open ON jobs (created_at DESC, id DESC) WHERE ended_at IS NULL;
CREATE INDEX jobs_open_by_image ON jobs (image) WHERE ended_at IS NULL;
CREATE INDEX jobs_released ON jobs (owner, created_at DESC, id DESC) WHERE ended_at IS NULL AND held = 0;
CREATE INDEX jobs_ended ON jobs (status, created_at DESC, id DESC) WHERE ended_at IS NOT NULL;
CREATE INDEX jobs_ended_by_owner ON jobs (owner, status, created_at DESC, id DESC) WHERE ended_at IS NOT NULL;
