-- Every column, long ones as digests.
SELECT id, organization_id, user_id, role, md5(permissions::text) AS permissions, is_active, invited_by_id, created_at,
       updated_at
FROM organization_members
