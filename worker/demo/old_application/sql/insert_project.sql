-- A new project, empty until its first generation.
INSERT INTO projects (id, user_id, name, description, domain, tech_stack, constraints, status, is_public, settings)
VALUES ($1, $2, $3, 'Made by the demo.', 'education', 'fastapi_postgres', '["tested"]', 'draft', false, '{}')
