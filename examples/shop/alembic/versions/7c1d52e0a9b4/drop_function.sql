-- With its trigger.
DROP FUNCTION IF EXISTS public.customers_normalize_email() CASCADE
