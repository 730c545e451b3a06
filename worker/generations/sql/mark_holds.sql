-- Whether the row that was done last, as a mark says, is done. A primary that was promoted in the middle of a large project
-- may lack the last parts of it, and what follows them would be numbered before they are.
SELECT storage_path IS NOT NULL FROM public.generations WHERE id = :done_id
