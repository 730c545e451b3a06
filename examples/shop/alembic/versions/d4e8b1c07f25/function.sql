-- Numbers an item that comes into an order. It locks the order's row first, as the backfill does, and counts in the next
-- statement: what it then sees is all there is. Of an order that is not numbered yet it leaves the item to the backfill,
-- which takes all of them in their order. An item that is moved locks both orders, in the order of their keys, so that
-- two moves in opposite directions do not wait for each other.
CREATE OR REPLACE FUNCTION public.items_number_lines() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    last_line integer;
    unnumbered bigint;
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.branch, NEW.number) = (OLD.branch, OLD.number) THEN
        RETURN NEW;
    END IF;
    PERFORM FROM public.orders AS o
    WHERE (o.branch, o.number) = (NEW.branch, NEW.number)
       OR (TG_OP = 'UPDATE' AND (o.branch, o.number) = (OLD.branch, OLD.number))
    ORDER BY o.branch, o.number
    FOR NO KEY UPDATE;
    SELECT max(i.line), count(*) FILTER (WHERE i.line IS NULL)
    INTO last_line, unnumbered
    FROM public.items AS i
    WHERE (i.branch, i.number) = (NEW.branch, NEW.number) AND i.id <> NEW.id;
    NEW.line := CASE WHEN unnumbered = 0 THEN coalesce(last_line, 0) + 1 END;
    RETURN NEW;
END
$$
