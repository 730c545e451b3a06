-- Never waited for: what somebody else holds is put aside, and the next statement sees what is under the lock.
SELECT id FROM public.generations WHERE id = ANY (CAST(:ids AS text[])) FOR NO KEY UPDATE SKIP LOCKED
