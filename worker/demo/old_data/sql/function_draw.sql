-- A number in [0, 1) for (seed, item, purpose). A hash and not random(): the same seed gives the same data
-- whatever the order in which the plan happens to evaluate the rows. `purpose` keeps two draws for one item apart.
-- In pg_temp, so nothing is left behind in the application's schema; the planner inlines it.
CREATE OR REPLACE FUNCTION pg_temp.draw(seed bigint, item bigint, purpose integer) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(item, seed * 1000 + purpose) & 9007199254740991) / 9007199254740992::double precision
