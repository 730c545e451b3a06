-- Keys on this column that do something else on delete, as another revision may have left them, are made anew under their
-- own names, which the application's models may know; in one transaction, so that no delete falls in between.
-- ACCESS EXCLUSIVE is what DROP CONSTRAINT takes, here in the order in which writers of generations come to the tables.
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
           AND (k.confrelid <> 'public.generations'::regclass OR k.confdeltype <> 'n'
                OR NOT coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true))
    LOOP
        EXECUTE format('ALTER TABLE public.projects DROP CONSTRAINT %I', its_name);
        EXECUTE format(
            'ALTER TABLE public.projects ADD CONSTRAINT %I FOREIGN KEY (active_generation_id)'
            ' REFERENCES public.generations (id) ON DELETE SET NULL NOT VALID', its_name);
    END LOOP;
END
$$;
