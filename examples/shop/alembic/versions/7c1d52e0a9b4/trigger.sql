-- On every update of the address, so that the old release, which knows nothing of the column, keeps it right, too.
CREATE OR REPLACE TRIGGER customers_normalize_email
BEFORE INSERT OR UPDATE OF email ON public.customers
FOR EACH ROW EXECUTE FUNCTION public.customers_normalize_email()
