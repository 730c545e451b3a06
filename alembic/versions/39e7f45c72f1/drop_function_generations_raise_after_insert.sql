-- CASCADE takes what hangs on it, which is its triggers: ACCESS EXCLUSIVE on their table.
DROP FUNCTION IF EXISTS public.generations_raise_after_insert() CASCADE;
