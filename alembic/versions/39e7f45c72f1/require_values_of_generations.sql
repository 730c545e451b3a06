-- Reads no row, for the validated check is evidence enough. It must still be there when the columns are altered, and in
-- one ALTER TABLE it would be dropped first: hence two statements, in a block because a step is one.
DO $$
BEGIN
    ALTER TABLE public.generations
        ALTER COLUMN version SET NOT NULL,
        ALTER COLUMN is_active SET NOT NULL,
        ALTER COLUMN file_count SET NOT NULL;
    ALTER TABLE public.generations DROP CONSTRAINT IF EXISTS generations_values_are_there;
END
$$;
