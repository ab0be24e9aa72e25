-- Step 2 of the schema: undo and redo.

-- The versions that undo has left, the last one last, as a JSON array of numbers.
ALTER TABLE images ADD COLUMN undone TEXT NOT NULL DEFAULT '[]';
