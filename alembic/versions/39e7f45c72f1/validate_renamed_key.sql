-- The same for a key that another revision has given another name.
DO $$
DECLARE
    its_name text;
BEGIN
    FOR its_name IN
        SELECT k.conname
          FROM pg_catalog.pg_constraint AS k
          JOIN pg_catalog.pg_attribute AS c ON c.attrelid = k.conrelid AND c.attname = 'active_generation_id'
         WHERE k.conrelid = 'public.projects'::regclass AND k.contype = 'f' AND k.conkey = ARRAY[c.attnum]
           AND NOT k.convalidated
    LOOP
        EXECUTE format('ALTER TABLE public.projects VALIDATE CONSTRAINT %I', its_name);
    END LOOP;
END
$$;
