-- For this transaction: compiling the plans takes longer than running them, and the sorts should stay in memory.
SELECT set_config('jit', 'off', true), set_config('work_mem', '64MB', true)
