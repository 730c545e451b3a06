-- As many as there are before anything is written: what is written goes to pages of its own, and is not written again.
SELECT CAST(pg_relation_size(CAST($1::text AS regclass)) / current_setting('block_size')::bigint AS integer) AS pages
