-- The rule for new values, the same as that of the backfill (shop/backfills/sql/settle.sql).
CREATE OR REPLACE FUNCTION public.customers_normalize_email() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.email_normalized := lower(btrim(NEW.email));
    RETURN NEW;
END
$$
