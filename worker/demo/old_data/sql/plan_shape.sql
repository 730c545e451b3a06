-- The wanted shape as a one-row table, so that every later statement is free of parameters.
CREATE TEMPORARY TABLE old_shape ON COMMIT DROP AS
SELECT CAST(:seed AS bigint) AS seed,
       CAST(:projects AS integer) AS projects,
       CAST(:generations AS integer) AS generations,
       CAST(:giant_share AS double precision) AS giant_share,
       CAST(:empty_share AS double precision) AS empty_share,
       CAST(:ties AS boolean) AS ties,
       CAST(:files AS boolean) AS files,
       CAST(:newest AS timestamptz) AS newest,
       CAST(:span AS interval) AS span,
       1 + CAST(:projects AS integer) / 8 AS users,
       CAST(:projects AS integer) / 160 AS organizations
