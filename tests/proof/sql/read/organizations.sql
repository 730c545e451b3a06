-- Every column, long ones as digests.
SELECT id, name, slug, md5(description) AS description, owner_id, is_active, max_members, max_projects,
       subscription_plan, stripe_customer_id, md5(settings::text) AS settings, created_at, updated_at
FROM organizations
