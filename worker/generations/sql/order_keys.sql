-- Which of some keys comes first, from 0 on and equal ones alike: as the walk compares them, in the collation of the column.
SELECT CAST(dense_rank() OVER (ORDER BY keyed.key_at, keyed.id) - 1 AS integer) AS place
FROM (
  SELECT p.created_at AS key_at, p.id, CAST(0 AS bigint) AS nth FROM public.projects AS p WHERE false
  UNION ALL
  SELECT CAST(given.key_at AS timestamptz), given.id, given.nth
  FROM unnest(CAST(:ats AS text[]), CAST(:ids AS text[])) WITH ORDINALITY AS given (key_at, id, nth)
) AS keyed
ORDER BY keyed.nth
