-- Step 6 of the schema: quotas of single users, as JSON; null for everybody's.

ALTER TABLE users ADD COLUMN quota TEXT;
