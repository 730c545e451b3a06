-- Everybody begins with clean buffers and writes the first change of each page as a whole page.
CHECKPOINT
