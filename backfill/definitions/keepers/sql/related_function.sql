-- Makes rows right again after rows of another table have changed that they are computed from. The lock is in a statement
-- of its own: one that waits for a lock goes on computing from the view that it had before the wait, and misses what the
-- other transaction did. In the order of the key, so that two statements on several rows cannot wait for each other. Each
-- row is written even where its value stays: a REPEATABLE READ transaction with an older view is then refused by the
-- server, and does not lose what this one did. After an UPDATE only rows count in which something changed that is read, in
-- both places those that were moved.
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql
{security}
AS $backfill$
-- {mark}
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        IF EXISTS (SELECT FROM {parent}) THEN
            RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = {refusal}, HINT = {hint};
        END IF;
    ELSIF TG_OP = 'UPDATE' THEN
        PERFORM 1 FROM {parent} WHERE {row} IN (SELECT {child_key} FROM (
            (SELECT {read} FROM backfill_before EXCEPT ALL SELECT {read} FROM backfill_after)
            UNION ALL
            (SELECT {read} FROM backfill_after EXCEPT ALL SELECT {read} FROM backfill_before)
        ) AS changed) ORDER BY {key} FOR NO KEY UPDATE;
        {update} WHERE {row} IN (SELECT {child_key} FROM (
            (SELECT {read} FROM backfill_before EXCEPT ALL SELECT {read} FROM backfill_after)
            UNION ALL
            (SELECT {read} FROM backfill_after EXCEPT ALL SELECT {read} FROM backfill_before)
        ) AS changed){belongs};
    ELSE
        PERFORM 1 FROM {parent} WHERE {row} IN (SELECT {child_key} FROM backfill_changed) ORDER BY {key} FOR NO KEY UPDATE;
        {update} WHERE {row} IN (SELECT {child_key} FROM backfill_changed){belongs};
    END IF;
    RETURN NULL;
END
$backfill$
