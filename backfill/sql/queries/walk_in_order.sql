-- For a large unit and for a walk over a table: rows are read along the index, a few at a time. The planner knows only the
-- average unit, and of keys of several columns nothing: it would rather collect all rows and sort them.
SELECT set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true)
