-- Every column, long ones as digests.
SELECT id, email, username, full_name, hashed_password, is_active, is_superuser, is_verified, avatar_url, md5(bio) AS bio,
       location, website, github_id, github_username, github_access_token, md5(preferences::text) AS preferences,
       total_generations, created_at, updated_at
FROM users
