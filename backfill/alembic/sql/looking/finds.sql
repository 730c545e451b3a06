-- Whether a step of a script has anything to do; {table} and {condition} are put in by the program.
SELECT EXISTS (SELECT FROM {table} WHERE {condition}) AS finds
