-- For a script: the same, 128 blocks per transaction. A block with COMMIT in it must not be within a transaction.
DO $online$
DECLARE
    blocks CONSTANT bigint := 128;
    last_block CONSTANT bigint := pg_relation_size(CAST({table_text} AS regclass))
                                  / CAST(current_setting('block_size') AS bigint);
    block bigint := 0;
BEGIN
    WHILE block <= last_block LOOP
        UPDATE {table}
        SET {column} = {value}
        WHERE ctid >= CAST(concat('(', block, ',0)') AS tid) AND ctid < CAST(concat('(', block + blocks, ',0)') AS tid)
          AND {missing};
        COMMIT;
        block := block + blocks;
    END LOOP;
END
$online$
