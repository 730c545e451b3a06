-- Of those units; one that was deleted meanwhile is not counted.
SELECT count(*) FROM projects WHERE id = ANY ($1::text[]) AND latest_version > 0;
