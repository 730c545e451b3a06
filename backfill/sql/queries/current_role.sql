-- The role that this process works as.
SELECT CAST(current_user AS text)
