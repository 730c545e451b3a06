-- Where all rows between two keys are wanted and none before the others: block by block as they lie, each block once. Along
-- the index each row would be looked up by itself, and after a run its old version, too.
SELECT set_config('enable_indexscan', 'off', true), set_config('enable_indexonlyscan', 'off', true)
