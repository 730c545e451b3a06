-- For columns that another revision made without them: today's release names none of these columns when it inserts.
ALTER TABLE public.generations
    ALTER COLUMN version SET DEFAULT 1,
    ALTER COLUMN is_active SET DEFAULT false,
    ALTER COLUMN file_count SET DEFAULT 0;
