-- What the application left before the migration: projects with their generations, four of five completed.
INSERT INTO users (id, email, username, hashed_password, is_active, is_superuser, is_verified, total_generations)
VALUES ('u', 'u@example.com', 'u', 'x', true, false, true, 0);
INSERT INTO projects (id, user_id, name, tech_stack, status, is_public, created_at)
SELECT 'p' || n, 'u', 'Project ' || n, 'fastapi_postgres', 'active', false, timestamptz '2025-01-01Z' + n * interval '1 hour'
FROM generate_series(1, 1000) AS n;
INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration, created_at)
SELECT format('g%s-%s', p, n), 'p' || p, 'u', 'an API', CASE WHEN n % 5 = 0 THEN 'failed' ELSE 'completed' END, false,
       timestamptz '2025-01-01Z' + p * interval '1 hour' + n * interval '1 minute'
FROM generate_series(1, 1000) AS p, generate_series(1, 20) AS n;
ANALYZE users, projects, generations;
