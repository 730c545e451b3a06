-- Or it would go with the column that it was made for.
ALTER SEQUENCE {sequence} OWNED BY {table}.{column}
