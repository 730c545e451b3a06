-- Numbers locked rows in the order they are given. One UPDATE per row sets all three columns.
UPDATE public.generations AS g
SET version = CAST(CAST(:base AS bigint) + n.ordinal AS integer),
    storage_path = './storage/projects/' || g.id,
    is_active = g.id IS NOT DISTINCT FROM CAST(:active_id AS text)
FROM unnest(CAST(:ids AS text[])) WITH ORDINALITY AS n (id, ordinal)
WHERE g.id = n.id AND g.storage_path IS NULL
