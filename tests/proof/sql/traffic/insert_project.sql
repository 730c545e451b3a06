-- A new project, empty until its first generation.
INSERT INTO projects (id, user_id, name, description, domain, tech_stack, constraints, status, is_public, settings)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
RETURNING id, created_at, updated_at, clock_timestamp() AS stamp
