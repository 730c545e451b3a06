-- A statement that sets storage_path itself is the backfill's or a later release's, and activates for itself.
CREATE OR REPLACE TRIGGER generations_activate_after_update
    AFTER UPDATE OF status ON public.generations
    FOR EACH ROW
    WHEN (
        NEW.status = 'completed'
        AND OLD.status IS DISTINCT FROM 'completed'
        AND NEW.storage_path IS NOT DISTINCT FROM OLD.storage_path
    )
    EXECUTE FUNCTION public.generations_activate_completed();
