-- Apart from those of generations: in one transaction the first table would stay locked while the second is waited for.
ALTER TABLE public.projects
    ADD COLUMN IF NOT EXISTS latest_version INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS active_generation_id VARCHAR(36);
