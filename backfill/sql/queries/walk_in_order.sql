-- For a large unit: its rows are read along the index, a few at a time. The planner knows only the average
-- unit, for which collecting all rows and sorting them would be cheaper.
SELECT set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true)
