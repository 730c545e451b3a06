-- BEFORE: the number is part of the row that is written.
CREATE OR REPLACE TRIGGER generations_renumber_before_move
    BEFORE UPDATE OF project_id ON public.generations
    FOR EACH ROW
    WHEN (NEW.project_id IS DISTINCT FROM OLD.project_id)
    EXECUTE FUNCTION public.generations_renumber_before_move();
