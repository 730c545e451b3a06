-- The projects of a batch. NO KEY: plain foreign-key checks of the application pass. SKIP LOCKED: the backfill never
-- waits for a row; what is missing in the answer is contended or gone. No new generation of these projects can be
-- committed from here on, because the insert trigger takes the same lock.
SELECT id, latest_version, active_generation_id
FROM public.projects
WHERE id = ANY (CAST(:ids AS text[]))
FOR NO KEY UPDATE SKIP LOCKED
