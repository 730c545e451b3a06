-- Created last of all: CREATE TRIGGER waits for every open writer of the table, so that each row was either committed
-- before (the backfill's work) or comes under the trigger.
CREATE OR REPLACE TRIGGER generations_number_before_insert
    BEFORE INSERT ON public.generations
    FOR EACH ROW
    EXECUTE FUNCTION public.generations_number_before_insert();
