-- A row that is changed finds room on its own page, and where no indexed column changes no index has to
-- learn where it went: in a large table each of these entries would be a page of its own to read, to change
-- and to log. Pages that are full already get the room as their rows move, or at once by VACUUM FULL.
ALTER TABLE customers SET (fillfactor = 85);
ALTER TABLE images SET (fillfactor = 85);
