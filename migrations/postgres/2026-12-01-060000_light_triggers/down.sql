-- PostgreSQL asks first.
SELECT 1;
