-- One segment of the WAL is through; a message that means nothing is in it, because an empty one is not switched.
DO $$ BEGIN PERFORM pg_logical_emit_message(false, 'benchmark', ''); PERFORM pg_switch_wal(); END $$
