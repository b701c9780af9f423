//! Reports for a terminal: cells in, lines of aligned columns out. The
//! promise: what others wrote, in whatever cell, stays in its cell.

use crate::domain::Timestamp;
use crate::domain::printable;

/// Rows under their heads, each column as wide as its widest cell.
pub(crate) fn lines<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let mut table = vec![heads.map(str::to_owned)];
    table.extend(
        rows.iter()
            .map(|row| row.each_ref().map(|cell| printable::text(cell))),
    );
    let mut widths = [0; N];
    for row in &table {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    table.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// One thing in full: a line for each name that has a value.
pub(crate) fn pairs(pairs: &[(&str, Option<String>)]) -> String {
    let lines: Vec<String> = pairs
        .iter()
        .filter_map(|(name, value)| {
            let value = value.as_ref()?;
            Some(format!("{name:<13} {}", printable::text(value)))
        })
        .collect();
    lines.join("\n")
}

/// A moment for people.
pub(crate) fn moment(moment: Timestamp) -> String {
    moment.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}
