-- The ones that everybody works on; the giant is the first of them.
SELECT project_id FROM generations GROUP BY project_id ORDER BY count(*) DESC, project_id LIMIT 20
