-- After its trigger.
DROP FUNCTION IF EXISTS {function}()
