-- NULL, and without a default: no row is rewritten.
ALTER TABLE public.customers ADD COLUMN IF NOT EXISTS email_normalized text
