DROP TRIGGER customers_notice_insert;
CREATE TRIGGER customers_notice_insert AFTER INSERT ON customers
WHEN NOT EXISTS (SELECT 1 FROM own_writes)
BEGIN
    -- INSERT OR REPLACE takes the old row away without a DELETE, and with it what Square knows it by.
    SELECT RAISE(ABORT, 'squaresync: REPLACE would take the row''s square_id away; use INSERT with ON CONFLICT (id) DO UPDATE')
    FROM images WHERE customer_id = NEW.id AND tombstone_version IS NULL
        AND NOT EXISTS (SELECT 1 FROM local_edits WHERE customer_id = NEW.id AND operation = 'delete')
        AND NOT EXISTS (SELECT 1 FROM outbox WHERE customer_id = NEW.id AND operation = 'delete');
    INSERT INTO own_writes (one) VALUES (1);
    UPDATE customers SET merchant_id = (SELECT merchant_id FROM sellers) WHERE id = NEW.id AND merchant_id IS NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation)
        SELECT merchant_id, id, 'insert' FROM customers WHERE id = NEW.id;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'given_name', NEW.given_name FROM customers WHERE id = NEW.id AND NEW.given_name IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'family_name', NEW.family_name FROM customers WHERE id = NEW.id AND NEW.family_name IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'company_name', NEW.company_name FROM customers WHERE id = NEW.id AND NEW.company_name IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'nickname', NEW.nickname FROM customers WHERE id = NEW.id AND NEW.nickname IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'email_address', NEW.email_address FROM customers WHERE id = NEW.id AND NEW.email_address IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'phone_number', NEW.phone_number FROM customers WHERE id = NEW.id AND NEW.phone_number IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'birthday', NEW.birthday FROM customers WHERE id = NEW.id AND NEW.birthday IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'reference_id', NEW.reference_id FROM customers WHERE id = NEW.id AND NEW.reference_id IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'note', NEW.note FROM customers WHERE id = NEW.id AND NEW.note IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'address_line_1', NEW.address_line_1 FROM customers WHERE id = NEW.id AND NEW.address_line_1 IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'address_line_2', NEW.address_line_2 FROM customers WHERE id = NEW.id AND NEW.address_line_2 IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'address_line_3', NEW.address_line_3 FROM customers WHERE id = NEW.id AND NEW.address_line_3 IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'locality', NEW.locality FROM customers WHERE id = NEW.id AND NEW.locality IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'sublocality', NEW.sublocality FROM customers WHERE id = NEW.id AND NEW.sublocality IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'sublocality_2', NEW.sublocality_2 FROM customers WHERE id = NEW.id AND NEW.sublocality_2 IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'sublocality_3', NEW.sublocality_3 FROM customers WHERE id = NEW.id AND NEW.sublocality_3 IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'administrative_district_level_1', NEW.administrative_district_level_1 FROM customers WHERE id = NEW.id AND NEW.administrative_district_level_1 IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'administrative_district_level_2', NEW.administrative_district_level_2 FROM customers WHERE id = NEW.id AND NEW.administrative_district_level_2 IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'administrative_district_level_3', NEW.administrative_district_level_3 FROM customers WHERE id = NEW.id AND NEW.administrative_district_level_3 IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'postal_code', NEW.postal_code FROM customers WHERE id = NEW.id AND NEW.postal_code IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'country', NEW.country FROM customers WHERE id = NEW.id AND NEW.country IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'tax_id_eu_vat', NEW.tax_id_eu_vat FROM customers WHERE id = NEW.id AND NEW.tax_id_eu_vat IS NOT NULL;
    DELETE FROM own_writes;
END;

DROP TRIGGER customers_notice_update;
CREATE TRIGGER customers_notice_update AFTER UPDATE ON customers
WHEN NOT EXISTS (SELECT 1 FROM own_writes)
BEGIN
    INSERT INTO own_writes (one) VALUES (1);
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'given_name', OLD.given_name, NEW.given_name WHERE NEW.given_name IS NOT OLD.given_name;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'family_name', OLD.family_name, NEW.family_name WHERE NEW.family_name IS NOT OLD.family_name;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'company_name', OLD.company_name, NEW.company_name WHERE NEW.company_name IS NOT OLD.company_name;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'nickname', OLD.nickname, NEW.nickname WHERE NEW.nickname IS NOT OLD.nickname;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'email_address', OLD.email_address, NEW.email_address WHERE NEW.email_address IS NOT OLD.email_address;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'phone_number', OLD.phone_number, NEW.phone_number WHERE NEW.phone_number IS NOT OLD.phone_number;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'birthday', OLD.birthday, NEW.birthday WHERE NEW.birthday IS NOT OLD.birthday;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'reference_id', OLD.reference_id, NEW.reference_id WHERE NEW.reference_id IS NOT OLD.reference_id;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'note', OLD.note, NEW.note WHERE NEW.note IS NOT OLD.note;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'address_line_1', OLD.address_line_1, NEW.address_line_1 WHERE NEW.address_line_1 IS NOT OLD.address_line_1;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'address_line_2', OLD.address_line_2, NEW.address_line_2 WHERE NEW.address_line_2 IS NOT OLD.address_line_2;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'address_line_3', OLD.address_line_3, NEW.address_line_3 WHERE NEW.address_line_3 IS NOT OLD.address_line_3;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'locality', OLD.locality, NEW.locality WHERE NEW.locality IS NOT OLD.locality;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'sublocality', OLD.sublocality, NEW.sublocality WHERE NEW.sublocality IS NOT OLD.sublocality;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'sublocality_2', OLD.sublocality_2, NEW.sublocality_2 WHERE NEW.sublocality_2 IS NOT OLD.sublocality_2;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'sublocality_3', OLD.sublocality_3, NEW.sublocality_3 WHERE NEW.sublocality_3 IS NOT OLD.sublocality_3;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'administrative_district_level_1', OLD.administrative_district_level_1, NEW.administrative_district_level_1 WHERE NEW.administrative_district_level_1 IS NOT OLD.administrative_district_level_1;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'administrative_district_level_2', OLD.administrative_district_level_2, NEW.administrative_district_level_2 WHERE NEW.administrative_district_level_2 IS NOT OLD.administrative_district_level_2;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'administrative_district_level_3', OLD.administrative_district_level_3, NEW.administrative_district_level_3 WHERE NEW.administrative_district_level_3 IS NOT OLD.administrative_district_level_3;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'postal_code', OLD.postal_code, NEW.postal_code WHERE NEW.postal_code IS NOT OLD.postal_code;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'country', OLD.country, NEW.country WHERE NEW.country IS NOT OLD.country;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'tax_id_eu_vat', OLD.tax_id_eu_vat, NEW.tax_id_eu_vat WHERE NEW.tax_id_eu_vat IS NOT OLD.tax_id_eu_vat;
    UPDATE customers
    SET sync_state = 'pending', sync_error = NULL, updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now')
    WHERE id = NEW.id AND (
        NEW.given_name IS NOT OLD.given_name
        OR NEW.family_name IS NOT OLD.family_name
        OR NEW.company_name IS NOT OLD.company_name
        OR NEW.nickname IS NOT OLD.nickname
        OR NEW.email_address IS NOT OLD.email_address
        OR NEW.phone_number IS NOT OLD.phone_number
        OR NEW.birthday IS NOT OLD.birthday
        OR NEW.reference_id IS NOT OLD.reference_id
        OR NEW.note IS NOT OLD.note
        OR NEW.address_line_1 IS NOT OLD.address_line_1
        OR NEW.address_line_2 IS NOT OLD.address_line_2
        OR NEW.address_line_3 IS NOT OLD.address_line_3
        OR NEW.locality IS NOT OLD.locality
        OR NEW.sublocality IS NOT OLD.sublocality
        OR NEW.sublocality_2 IS NOT OLD.sublocality_2
        OR NEW.sublocality_3 IS NOT OLD.sublocality_3
        OR NEW.administrative_district_level_1 IS NOT OLD.administrative_district_level_1
        OR NEW.administrative_district_level_2 IS NOT OLD.administrative_district_level_2
        OR NEW.administrative_district_level_3 IS NOT OLD.administrative_district_level_3
        OR NEW.postal_code IS NOT OLD.postal_code
        OR NEW.country IS NOT OLD.country
        OR NEW.tax_id_eu_vat IS NOT OLD.tax_id_eu_vat
    );
    DELETE FROM own_writes;
END;
