-- The demo's own database may be there from an earlier time.
SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'codebegen_demo')
