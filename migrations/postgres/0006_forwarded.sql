-- When passthrough took a movement to tell the customer of it: it is taken once. `notified_at` is when the customer was
-- first told, which may be hours later where a receiver does not answer. Before, one column stood for both.
ALTER TABLE movements ADD COLUMN forwarded_at TIMESTAMPTZ;
UPDATE movements SET forwarded_at = notified_at WHERE notified_at IS NOT NULL;
