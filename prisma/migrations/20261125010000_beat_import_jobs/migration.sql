-- The process that has an import job says here that it is alive. A job that waits or runs and has not said so for minutes belongs to a process
-- that is gone. Jobs that stand so already are given the same minutes from now.
ALTER TABLE import_job ADD COLUMN beat_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP;
