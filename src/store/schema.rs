//! The tables as both databases have them, for diesel. Written by hand: a test
//! selects every column on both and compares the names and their order.

diesel::table! {
    sellers (merchant_id) {
        merchant_id -> Text,
        environment -> Text,
        refusal -> Nullable<Text>,
        refused_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    customers (id) {
        id -> Text,
        merchant_id -> Nullable<Text>,
        square_id -> Nullable<Text>,
        given_name -> Nullable<Text>,
        family_name -> Nullable<Text>,
        company_name -> Nullable<Text>,
        nickname -> Nullable<Text>,
        email_address -> Nullable<Text>,
        phone_number -> Nullable<Text>,
        birthday -> Nullable<Text>,
        reference_id -> Nullable<Text>,
        note -> Nullable<Text>,
        address_line_1 -> Nullable<Text>,
        address_line_2 -> Nullable<Text>,
        address_line_3 -> Nullable<Text>,
        locality -> Nullable<Text>,
        sublocality -> Nullable<Text>,
        sublocality_2 -> Nullable<Text>,
        sublocality_3 -> Nullable<Text>,
        administrative_district_level_1 -> Nullable<Text>,
        administrative_district_level_2 -> Nullable<Text>,
        administrative_district_level_3 -> Nullable<Text>,
        postal_code -> Nullable<Text>,
        country -> Nullable<Text>,
        tax_id_eu_vat -> Nullable<Text>,
        email_unsubscribed -> Nullable<Bool>,
        creation_source -> Nullable<Text>,
        group_ids -> Nullable<Text>,
        segment_ids -> Nullable<Text>,
        square_version -> Nullable<BigInt>,
        square_created_at -> Nullable<Timestamp>,
        square_updated_at -> Nullable<Timestamp>,
        sync_state -> Text,
        sync_error -> Nullable<Text>,
        deleted_at -> Nullable<Timestamp>,
        merged_into -> Nullable<Text>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    images (merchant_id, square_id) {
        merchant_id -> Text,
        square_id -> Text,
        customer_id -> Nullable<Text>,
        version -> Nullable<BigInt>,
        profile -> Text,
        apart -> Text,
        tombstone_version -> Nullable<BigInt>,
        tombstone_cause -> Nullable<Text>,
        merged_into -> Nullable<Text>,
        base -> Nullable<Text>,
        unmerged -> Bool,
        observed_at -> Timestamp,
        reference -> Nullable<Text>,
    }
}

diesel::table! {
    local_edits (seq) {
        seq -> BigInt,
        merchant_id -> Nullable<Text>,
        customer_id -> Text,
        operation -> Text,
        field -> Nullable<Text>,
        old_value -> Nullable<Text>,
        new_value -> Nullable<Text>,
        edited_at -> Timestamp,
    }
}

diesel::table! {
    outbox (customer_id) {
        customer_id -> Text,
        merchant_id -> Text,
        operation -> Text,
        square_id -> Nullable<Text>,
        idempotency_key -> Nullable<Text>,
        body -> Text,
        sent_fields -> Text,
        attempts -> Integer,
        next_attempt_at -> Timestamp,
        first_attempt_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    inbox (seq) {
        seq -> BigInt,
        merchant_id -> Nullable<Text>,
        event_id -> Text,
        event_type -> Nullable<Text>,
        body -> Binary,
        body_sha256 -> Text,
        state -> Text,
        reason -> Nullable<Text>,
        received_at -> Timestamp,
        listed -> Bool,
    }
}

diesel::table! {
    changes (seq) {
        seq -> BigInt,
        merchant_id -> Text,
        customer_id -> Text,
        square_id -> Nullable<Text>,
        source -> Text,
        version -> Nullable<BigInt>,
        fields -> Text,
        changed_at -> Timestamp,
    }
}

diesel::table! {
    leases (merchant_id, name) {
        merchant_id -> Text,
        name -> Text,
        holder -> Text,
        token -> BigInt,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    marks (merchant_id, name) {
        merchant_id -> Text,
        name -> Text,
        reached_at -> Timestamp,
    }
}

diesel::table! {
    backfill_windows (merchant_id, start_at) {
        merchant_id -> Text,
        start_at -> Timestamp,
        end_at -> Timestamp,
    }
}

diesel::table! {
    conflicts (seq) {
        seq -> BigInt,
        merchant_id -> Text,
        customer_id -> Text,
        square_id -> Nullable<Text>,
        field -> Nullable<Text>,
        base_value -> Nullable<Text>,
        square_value -> Nullable<Text>,
        local_value -> Nullable<Text>,
        square_at -> Nullable<Timestamp>,
        local_at -> Nullable<Timestamp>,
        rule -> Nullable<Text>,
        candidates -> Text,
        taken -> Nullable<Text>,
        state -> Text,
        found_at -> Timestamp,
        resolved_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    alarms (merchant_id, name) {
        merchant_id -> Text,
        name -> Text,
        detail -> Text,
        raised_at -> Timestamp,
    }
}

diesel::table! {
    refused_creates (customer_id) {
        customer_id -> Text,
        merchant_id -> Text,
        times -> Integer,
    }
}

diesel::allow_tables_to_appear_in_same_query!(conflicts, customers, outbox, sellers);
