-- One read of the table, under a lock that lets writers through.
ALTER TABLE public.projects VALIDATE CONSTRAINT projects_values_are_there;
