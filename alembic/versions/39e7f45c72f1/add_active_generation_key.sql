-- NOT VALID: existing rows are checked later, by VALIDATE, which lets writers through. ADD CONSTRAINT knows no
-- IF NOT EXISTS, hence the block. Takes SHARE ROW EXCLUSIVE on both tables.
DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS c
         WHERE c.conname = 'fk_projects_active_generation' AND c.conrelid = 'public.projects'::regclass
    ) THEN
        ALTER TABLE public.projects
            ADD CONSTRAINT fk_projects_active_generation
            FOREIGN KEY (active_generation_id) REFERENCES public.generations (id) ON DELETE SET NULL NOT VALID;
    END IF;
END
$$;
