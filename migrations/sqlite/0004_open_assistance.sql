-- The request for a one-time code that a run's login waits for or is trying; NULL where none is open. Should the
-- process die, the next one says in the log that nobody waits for it any more.
ALTER TABLE runs ADD COLUMN assistance_id BLOB;
