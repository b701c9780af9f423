ALTER TABLE images RESET (fillfactor);
ALTER TABLE customers RESET (fillfactor);
