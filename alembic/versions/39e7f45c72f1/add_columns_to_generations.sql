-- All columns in one ALTER TABLE, so that ACCESS EXCLUSIVE is waited for once. Constant defaults are kept in the
-- catalog: no row is rewritten, however large the table is.
ALTER TABLE public.generations
    ADD COLUMN IF NOT EXISTS version INTEGER NOT NULL DEFAULT 1,
    ADD COLUMN IF NOT EXISTS version_name VARCHAR(50),
    ADD COLUMN IF NOT EXISTS is_active BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS storage_path VARCHAR(500),
    ADD COLUMN IF NOT EXISTS file_count INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS total_size_bytes INTEGER,
    ADD COLUMN IF NOT EXISTS diff_from_previous TEXT,
    ADD COLUMN IF NOT EXISTS changes_summary JSON;
