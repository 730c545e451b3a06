-- On moves too, which are updates of the key of the order.
CREATE OR REPLACE TRIGGER items_number_lines
BEFORE INSERT OR UPDATE OF branch, number ON public.items
FOR EACH ROW EXECUTE FUNCTION public.items_number_lines()
