-- By the rule of the sync trigger, and only rows without a value: safe to do again.
UPDATE public.customers
SET email_normalized = lower(btrim(email))
WHERE id = ANY (CAST(CAST(:ids AS text[]) AS bigint[])) AND email_normalized IS NULL
