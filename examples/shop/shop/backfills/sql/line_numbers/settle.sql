-- Items without a number get the next ones in their order, those with a number keep it. The orders and all of their items
-- are locked by the statements before, so that this one sees them as they are, and waits for nobody.
WITH orders AS (
    SELECT * FROM unnest(CAST(:branch AS text[]), CAST(CAST(:number AS text[]) AS integer[])) AS o (branch, number)
),
numbered AS (
    SELECT i.id, i.line AS present,
           coalesce(max(i.line) OVER (PARTITION BY i.branch, i.number), 0)
               + row_number() OVER (PARTITION BY i.branch, i.number, i.line IS NULL ORDER BY i.id) AS line
    FROM public.items AS i
    JOIN orders USING (branch, number)
)
UPDATE public.items AS i
SET line = numbered.line
FROM numbered
WHERE i.id = numbered.id AND numbered.present IS NULL
