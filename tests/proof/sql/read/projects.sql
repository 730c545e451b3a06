-- Every column that today's release knows, long ones as digests.
SELECT id, user_id, organization_id, name, md5(description) AS description, domain, tech_stack,
       md5(constraints::text) AS constraints, status, is_public, github_repo_url, github_repo_name,
       md5(settings::text) AS settings, created_at, updated_at
FROM projects
