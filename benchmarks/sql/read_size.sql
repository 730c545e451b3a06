-- Whether a setting in bytes has this value by now, in whatever units either is.
SELECT pg_size_bytes(current_setting($1)) = pg_size_bytes($2)
