-- Takes ACCESS EXCLUSIVE on both tables, and by itself would take that on projects first: then every writer of
-- generations, which comes to projects by its foreign key, would wait for this while this waits for the writer.
-- By its column: another revision may have given it another name.
DO $$
DECLARE
    its_name text;
BEGIN
    LOCK TABLE public.generations, public.projects IN ACCESS EXCLUSIVE MODE;
    FOR its_name IN
        SELECT k.conname
          FROM pg_catalog.pg_constraint AS k
          JOIN pg_catalog.pg_attribute AS c ON c.attrelid = k.conrelid AND c.attname = 'active_generation_id'
         WHERE k.conrelid = 'public.projects'::regclass AND k.contype = 'f' AND k.conkey = ARRAY[c.attnum]
    LOOP
        EXECUTE format('ALTER TABLE public.projects DROP CONSTRAINT %I', its_name);
    END LOOP;
END
$$;
