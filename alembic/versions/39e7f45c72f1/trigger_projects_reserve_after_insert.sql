-- AFTER: an INSERT with ON CONFLICT has called what comes before it also where the project was somebody else's.
CREATE OR REPLACE TRIGGER projects_reserve_after_insert
    AFTER INSERT ON public.projects
    FOR EACH ROW
    WHEN (NEW.latest_version > 0)
    EXECUTE FUNCTION public.projects_reserve_numbers();
