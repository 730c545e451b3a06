-- AFTER: the row must be there before its project can point at it.
CREATE OR REPLACE TRIGGER generations_activate_after_insert
    AFTER INSERT ON public.generations
    FOR EACH ROW
    WHEN (NEW.status = 'completed')
    EXECUTE FUNCTION public.generations_activate_completed();
