-- The id of the n-th row of a table: UUID text like the application's own, the same for the same seed.
CREATE OR REPLACE FUNCTION pg_temp.key(seed bigint, kind text, number bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN md5(kind || ':' || seed::text || ':' || number::text)::uuid::text
