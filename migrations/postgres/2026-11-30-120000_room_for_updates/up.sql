-- A row that is changed finds room on its own page, and no index has to learn where it went:
-- in a large table each of these entries would be a page of its own to read, to change and to log.
ALTER TABLE customers SET (fillfactor = 85);
ALTER TABLE images SET (fillfactor = 85);
