-- Where the history begins.
SELECT id, latest_version, active_generation_id FROM history.projects
