-- NOT VALID: existing rows are checked later, by VALIDATE, which lets writers through. ADD CONSTRAINT knows no
-- IF NOT EXISTS, hence the block. It takes SHARE ROW EXCLUSIVE on both tables; here in the order in which writers of
-- generations come to them. A key on this column may be there under another name.
DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS k
          JOIN pg_catalog.pg_attribute AS c ON c.attrelid = k.conrelid AND c.attname = 'active_generation_id'
         WHERE k.conrelid = 'public.projects'::regclass AND k.contype = 'f' AND k.conkey = ARRAY[c.attnum]
    ) THEN
        LOCK TABLE public.generations, public.projects IN SHARE ROW EXCLUSIVE MODE;
        ALTER TABLE public.projects
            ADD CONSTRAINT fk_projects_active_generation
            FOREIGN KEY (active_generation_id) REFERENCES public.generations (id) ON DELETE SET NULL NOT VALID;
    END IF;
END
$$;
