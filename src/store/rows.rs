//! Statements over many rows. Their texts are made here, of placeholders only, and have one of a few lengths.

use std::fmt::Write;

/// Rows of one statement, most first. Few lengths, because each text is prepared and kept by each connection.
const LENGTHS: [usize; 9] = [100, 30, 10, 6, 5, 4, 3, 2, 1];

/// Cuts rows into pieces of those lengths, in their order.
pub(super) fn pieces<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let length = LENGTHS.into_iter().find(|length| *length <= rest.len())?;
        let (piece, after) = rest.split_at(length);
        rest = after;
        Some(piece)
    })
}

/// `($1, $3, $4), ($1, $5, $6)`: a tuple for each row, each beginning with `shared`, followed by placeholders of the
/// row's own, as many as it has columns, numbered from `first`.
pub(super) fn tuples(shared: &str, first: usize, columns: usize, rows: usize) -> String {
    let mut text = String::with_capacity(rows * (shared.len() + columns * 7 + 4));
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        text.push_str(shared);
        for column in 0..columns {
            let comma = if column == 0 { "" } else { ", " };
            write!(text, "{comma}${}", first + row * columns + column).expect("a text takes what is written");
        }
        text.push(')');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuples_share_what_is_equal_and_count_on() {
        let check = |shared: &str, first: usize, columns: usize, rows: usize, expected: &str| {
            assert_eq!(tuples(shared, first, columns, rows), expected);
        };
        check("", 1, 1, 1, "($1)");
        check("$1, ", 3, 2, 2, "($1, $3, $4), ($1, $5, $6)");
        check("'ready', $1, ", 2, 3, 1, "('ready', $1, $2, $3, $4)");
    }

    #[test]
    fn rows_are_cut_into_few_lengths_and_none_is_lost() {
        let check = |count: usize, expected: &[usize]| {
            let rows: Vec<usize> = (0..count).collect();
            let cut: Vec<&[usize]> = pieces(&rows).collect();
            assert_eq!(cut.iter().map(|piece| piece.len()).collect::<Vec<_>>(), expected, "{count}");
            assert_eq!(cut.concat(), rows);
        };
        check(0, &[]);
        check(1, &[1]);
        check(4, &[4]);
        check(9, &[6, 3]);
        check(100, &[100]);
        check(247, &[100, 100, 30, 10, 6, 1]);
    }
}
