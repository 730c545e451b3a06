-- Whether there is any row in the table; {table} is put in by the program, quoted.
SELECT EXISTS (SELECT FROM {table}) AS has_rows
