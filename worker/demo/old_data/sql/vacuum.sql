-- Statistics, hint bits and the visibility map as a live table has them; otherwise whoever reads first pays for them.
VACUUM (ANALYZE) users, organizations, organization_members, projects, generations, artifacts
