-- The inverse of add_columns_to_generations: the catalog forgets the columns, no row is rewritten.
ALTER TABLE public.generations
    DROP COLUMN IF EXISTS version,
    DROP COLUMN IF EXISTS version_name,
    DROP COLUMN IF EXISTS is_active,
    DROP COLUMN IF EXISTS storage_path,
    DROP COLUMN IF EXISTS file_count,
    DROP COLUMN IF EXISTS total_size_bytes,
    DROP COLUMN IF EXISTS diff_from_previous,
    DROP COLUMN IF EXISTS changes_summary;
