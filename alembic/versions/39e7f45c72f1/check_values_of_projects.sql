-- As check_values_of_generations.
ALTER TABLE public.projects
    ADD CONSTRAINT projects_values_are_there CHECK (latest_version IS NOT NULL) NOT VALID;
