-- One number for everything that was filled in: ways of different results cannot be compared.
SELECT (SELECT sum(hashtextextended(concat_ws('|', id, version, storage_path, is_active), 0)) FROM generations)
       + (SELECT sum(hashtextextended(concat_ws('|', id, latest_version, active_generation_id), 0)) FROM projects)
       AS digest
