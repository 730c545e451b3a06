-- In the order in which it happened, as far as one project is concerned.
SELECT seq, xid, what, application, depth, project_id, generation_id, created_at, status, status_before, version,
       version_before, storage_path, storage_path_before, project_before, latest_version, latest_before, active_id,
       active_before, asked
FROM history.events
ORDER BY seq
