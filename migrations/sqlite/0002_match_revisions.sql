-- What the matcher has looked at: it looks at the amounts that were touched since, and at no others.

-- Everything touched up to this revision of the account has been looked at.
ALTER TABLE accounts ADD COLUMN matched_revision INTEGER NOT NULL DEFAULT 0;
-- The account's revision in whose transaction the row was added, or changed so that its amount must be looked at anew.
ALTER TABLE movements ADD COLUMN touched INTEGER NOT NULL DEFAULT 0;
ALTER TABLE expected_payments ADD COLUMN touched INTEGER NOT NULL DEFAULT 0;
-- The amount of the expected payment, so that an index finds the open ones of an amount among thousands of closed ones.
ALTER TABLE cases ADD COLUMN amount TEXT NOT NULL DEFAULT '';

-- What is open now is looked at once more.
UPDATE accounts SET revision = revision + 1;
UPDATE expected_payments
    SET touched = (SELECT a.revision FROM accounts a
                   WHERE a.org_id = expected_payments.org_id AND a.id = expected_payments.account_id)
    WHERE EXISTS (SELECT 1 FROM cases c
                  WHERE c.org_id = expected_payments.org_id AND c.id = expected_payments.id
                    AND c.status IN ('pending', 'not_found', 'ambiguous'));
UPDATE movements
    SET touched = (SELECT a.revision FROM accounts a WHERE a.org_id = movements.org_id AND a.id = movements.account_id)
    WHERE excluded_at IS NULL AND status = 'booked' AND direction = 'credit';
UPDATE cases
    SET amount = (SELECT e.amount FROM expected_payments e WHERE e.org_id = cases.org_id AND e.id = cases.id);

-- The amount comes before the currency in no index: "right amount, wrong currency" is a reason that the matcher gives.
DROP INDEX movements_free;
CREATE INDEX movements_free_amount ON movements (org_id, account_id, amount)
    WHERE excluded_at IS NULL AND status = 'booked' AND direction = 'credit';
CREATE INDEX movements_touched ON movements (org_id, account_id, touched, amount)
    WHERE status = 'booked' AND direction = 'credit';
CREATE INDEX expected_payments_touched ON expected_payments (org_id, account_id, touched, amount);
DROP INDEX cases_open;
CREATE INDEX cases_open_amount ON cases (org_id, account_id, amount)
    WHERE status IN ('pending', 'not_found', 'ambiguous');
