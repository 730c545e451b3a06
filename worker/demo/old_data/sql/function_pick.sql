-- One of `words`, by a draw in [0, 1).
CREATE OR REPLACE FUNCTION pg_temp.pick(words text[], drawn double precision) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN words[1 + floor(drawn * cardinality(words))::integer]
