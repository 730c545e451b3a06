-- What stands in the way of filling the database: no tables, tables that are migrated already, or rows in them.
SELECT to_regclass('generations') IS NOT NULL AS has_tables,
       EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('generations') AND attname = 'storage_path')
           AS is_migrated
