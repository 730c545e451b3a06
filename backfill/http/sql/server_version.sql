-- Answers whether the server takes statements at all, and which one it is; reads no table.
SELECT current_setting('server_version') AS version
