-- Neither for what the sync triggers raise, whose numbers are given, nor for the backfill, which says so in set_limits.
-- BEFORE: generations may come in the same statement.
CREATE OR REPLACE TRIGGER projects_reserve_before_update
    BEFORE UPDATE OF latest_version ON public.projects
    FOR EACH ROW
    WHEN (
        NEW.latest_version > OLD.latest_version
        AND pg_trigger_depth() = 0
        AND current_setting('backfill.settles', true) IS DISTINCT FROM 'on'
    )
    EXECUTE FUNCTION public.projects_reserve_numbers();
