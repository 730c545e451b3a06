-- Takes ACCESS EXCLUSIVE on both tables, and by itself would take that on projects first: then every writer of
-- generations, which comes to projects by its foreign key, would wait for this while this waits for the writer.
DO $$
BEGIN
    LOCK TABLE public.generations, public.projects IN ACCESS EXCLUSIVE MODE;
    ALTER TABLE public.projects DROP CONSTRAINT IF EXISTS fk_projects_active_generation;
END
$$;
