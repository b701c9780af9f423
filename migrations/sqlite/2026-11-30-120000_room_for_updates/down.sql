-- SQLite changes a row where it is.
SELECT 1;
