-- Where the patches lie, of rows that are locked, and only while they still are the version that it was made for.
UPDATE public.generations AS g
SET diff_from_previous = n.patch, changes_summary = CAST(n.summary AS json)
FROM unnest(
    CAST(:ids AS text[]), CAST(:paths AS text[]), CAST(:patches AS text[]), CAST(:summaries AS text[])
) AS n (id, path, patch, summary)
WHERE g.id = n.id AND g.storage_path = n.path
