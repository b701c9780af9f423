DROP VIEW resolved_customers;
DROP INDEX customers_merged;
DROP INDEX images_reference;
ALTER TABLE images DROP COLUMN reference;
DROP TABLE refused_creates;
DROP TABLE alarms;
DROP TABLE conflicts;
