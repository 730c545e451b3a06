-- Who holds the lock of try_migration_lock: its number is below 2^32, so that classid is 0.
SELECT l.pid
  FROM pg_catalog.pg_locks AS l
 WHERE l.locktype = 'advisory' AND l.classid = 0 AND l.objid = 3920457212 AND l.objsubid = 1 AND l.granted
   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database());
