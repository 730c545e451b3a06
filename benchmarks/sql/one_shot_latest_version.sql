-- Third statement: a subquery per project, which is quadratic where the index on generations is missing; here it is not.
UPDATE projects AS p
SET latest_version = coalesce((SELECT max(version) FROM generations AS g WHERE g.project_id = p.id), 0)
