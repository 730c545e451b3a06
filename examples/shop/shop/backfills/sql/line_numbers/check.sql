-- An order for each breach. What is right, and not what is left to do: an item may have a number that is wrong.
SELECT 'numbered' AS rule, i.branch, i.number
FROM unnest(CAST(:branch AS text[]), CAST(CAST(:number AS text[]) AS integer[])) AS o (branch, number)
JOIN public.items AS i USING (branch, number)
GROUP BY i.branch, i.number
HAVING count(*) > count(DISTINCT i.line) OR min(i.line) < 1
