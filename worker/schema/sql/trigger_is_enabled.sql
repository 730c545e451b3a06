-- NULL: no such trigger. Anything but 'O' (fires for every ordinary session) counts as not enabled.
SELECT t.tgenabled = 'O' FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = to_regclass(:table) AND t.tgname = :trigger;
