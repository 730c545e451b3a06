-- One read of the table, under a lock that lets writers through.
ALTER TABLE public.generations VALIDATE CONSTRAINT generations_values_are_there;
