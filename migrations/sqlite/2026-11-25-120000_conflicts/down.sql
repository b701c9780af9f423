DROP VIEW resolved_customers;
DROP INDEX images_reference;
ALTER TABLE images DROP COLUMN reference;
ALTER TABLE inbox DROP COLUMN listed;
DROP TABLE refused_creates;
DROP TABLE alarms;
DROP TABLE conflicts;
