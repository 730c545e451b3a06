-- Raising it costs nothing: the condition is tested without calling the function.
CREATE OR REPLACE TRIGGER projects_latest_version_before_update
    BEFORE UPDATE OF latest_version ON public.projects
    FOR EACH ROW
    WHEN (NEW.latest_version < OLD.latest_version)
    EXECUTE FUNCTION public.projects_latest_version_before_update();
