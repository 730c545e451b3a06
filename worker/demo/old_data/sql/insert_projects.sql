-- The projects in order of time, last changed by their latest generation.
INSERT INTO projects (user_id, organization_id, name, description, domain, tech_stack, constraints, status, is_public,
                      github_repo_url, github_repo_name, settings, id, created_at, updated_at)
SELECT p.user_id,
       CASE WHEN s.organizations > 0 AND pg_temp.draw(s.seed, p.number, 80) < 0.3
            THEN pg_temp.key(s.seed, 'organization', 1 + p.number % s.organizations) END,
       format('Project %s', p.number), 'An API generated from a description in plain words.',
       pg_temp.pick(ARRAY['ecommerce', 'social_media', 'healthcare', 'education', 'logistics', 'finance'],
                    pg_temp.draw(s.seed, p.number, 81)),
       pg_temp.pick(ARRAY['fastapi_postgres', 'fastapi_sqlite', 'fastapi_mongo'], pg_temp.draw(s.seed, p.number, 82)),
       json_build_array('dockerized', 'tested'),
       CASE WHEN done.latest IS NULL THEN 'draft' WHEN p.number % 9 = 0 THEN 'archived' ELSE 'active' END,
       p.number % 10 = 0, CASE WHEN p.number % 6 = 0 THEN format('https://github.com/example/project-%s', p.number) END,
       CASE WHEN p.number % 6 = 0 THEN format('example/project-%s', p.number) END,
       json_build_object('auto_review', true), p.id, p.created_at, coalesce(done.latest, p.created_at)
FROM old_shape AS s CROSS JOIN old_projects AS p
LEFT JOIN (SELECT project_id, max(created_at) AS latest FROM old_generations GROUP BY project_id) AS done
       ON done.project_id = p.id
ORDER BY p.number
