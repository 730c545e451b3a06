-- How many blocks a table has now; rows that come later come with the defaults.
SELECT pg_relation_size(to_regclass(:table)) / CAST(current_setting('block_size') AS bigint)
