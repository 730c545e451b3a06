-- Numbers locked rows in the order they are given. One UPDATE per row sets all three columns. Rows are found again by
-- their physical place, which a locked row keeps: primary keys are random, each would cost an index page.
UPDATE public.generations AS g
SET version = CAST(CAST(:base AS bigint) + n.ordinal AS integer),
    storage_path = './storage/projects/' || g.id,
    is_active = g.id IS NOT DISTINCT FROM CAST(:active_id AS text)
FROM unnest(CAST(CAST(:places AS text[]) AS tid[])) WITH ORDINALITY AS n (place, ordinal)
WHERE g.ctid = n.place AND g.storage_path IS NULL
