-- Ends the statement, not the session, so that the upgrade can say why it stopped.
SELECT pg_cancel_backend(:pid);
