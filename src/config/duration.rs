//! Spans of time as people write them: `500ms`, `30s`, `5m`, `24h`, `1d`.
//!
//! In comes text; out goes a duration above zero, or what to write instead.

use std::time::Duration;

use crate::config::fault::Complaint;

/// How many milliseconds each unit has. `ms` stands before `m` and `s`, which
/// it would otherwise be taken for.
const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

const UNCLEAR: Complaint =
    "is not a span of time: write a whole number and a unit, such as 500ms, 30s, 5m, 24h or 1d";

/// The span that `text` names.
pub fn parse(text: &str) -> Result<Duration, Complaint> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(
            "has no unit: write ms, s, m, h or d directly after the number, such as 30s or 5m",
        );
    }
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))
        .ok_or(UNCLEAR)?;
    // Rust's own parser would take a plus sign as well.
    if !number.bytes().all(|byte| byte.is_ascii_digit()) || number.is_empty() {
        return Err(UNCLEAR);
    }
    let milliseconds = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(*unit))
        .ok_or("is too long")?;
    if milliseconds == 0 {
        return Err("is zero: write a span above zero, such as 500ms, 30s or 5m");
    }
    Ok(Duration::from_millis(milliseconds))
}

/// The span that `text` names, if it is at most a week: long enough for every
/// pause between passes that still ought to be called a synchronisation.
pub fn up_to_a_week(text: &str) -> Result<Duration, Complaint> {
    let duration = parse(text)?;
    if duration <= Duration::from_secs(7 * 86_400) {
        Ok(duration)
    } else {
        Err("is longer than a week: write 7d or less")
    }
}

/// The span that `text` names, if it is at most an hour.
pub fn up_to_an_hour(text: &str) -> Result<Duration, Complaint> {
    let duration = parse(text)?;
    if duration <= Duration::from_secs(3_600) {
        Ok(duration)
    } else {
        Err("is longer than an hour: write 1h or less")
    }
}

/// The span that `text` names, if it is at most ninety days.
pub fn up_to_ninety_days(text: &str) -> Result<Duration, Complaint> {
    let duration = parse(text)?;
    if duration <= Duration::from_secs(90 * 86_400) {
        Ok(duration)
    } else {
        Err("is longer than ninety days: write 90d or less")
    }
}

/// How long `text` says that events are kept: at least a day, since Square sends
/// one again for that long, and at most ten years.
pub fn to_keep(text: &str) -> Result<Duration, Complaint> {
    let (duration, day) = (parse(text)?, Duration::from_secs(86_400));
    if duration < day {
        Err("is shorter than a day: write 1d or more")
    } else if 3_650 * day < duration {
        Err("is longer than ten years: write 3650d or less")
    } else {
        Ok(duration)
    }
}
