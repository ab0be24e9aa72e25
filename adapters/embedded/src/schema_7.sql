-- Step 7 of the schema: what versions show, as JSON; null where it is not known.

ALTER TABLE versions ADD COLUMN description TEXT;
