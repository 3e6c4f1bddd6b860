-- What an account is told beside its documented settings, which a client replaces whole.
CREATE TABLE account_options (
    org_id     BLOB NOT NULL,
    account_id BLOB NOT NULL,
    -- JSON; NULL is the deployment's schedule.
    schedule   TEXT,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (org_id, account_id),
    FOREIGN KEY (org_id, account_id) REFERENCES accounts (org_id, id)
) STRICT;

-- When `next_scrape_at` was set. Later than now means: by a clock that has been set back since.
ALTER TABLE accounts ADD COLUMN scrape_planned_at TEXT;
