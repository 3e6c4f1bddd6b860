//! The names of backups, and which of them are old enough to go. Pure.

use crate::domain::time::Instant;

/// Sorted by name, backups are sorted by time.
pub(super) fn file_name(at: Instant) -> String {
    at.format("reconbanker-%Y%m%dT%H%M%SZ.tar").to_string()
}

/// Whether a file is named as [`file_name`] names them.
pub(super) fn is_backup(name: &str) -> bool {
    let stamp = name.strip_prefix("reconbanker-").and_then(|rest| rest.strip_suffix(".tar")).unwrap_or_default();
    let fits = |(at, byte): (usize, u8)| match at {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    stamp.len() == 16 && stamp.bytes().enumerate().all(fits)
}

/// Of a folder's files, the backups to remove so that `keep` remain: the oldest, and none that is not older than
/// `newest`.
pub(super) fn expired(names: &[String], newest: &str, keep: u32) -> Vec<String> {
    let mut older: Vec<String> =
        names.iter().filter(|name| is_backup(name) && name.as_str() < newest).cloned().collect();
    older.sort_unstable_by(|a, b| b.cmp(a));
    let others = usize::try_from(keep.saturating_sub(1)).unwrap_or(usize::MAX);
    older.into_iter().skip(others).collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn a_name_says_when() {
        let at = DateTime::parse_from_rfc3339("2026-12-01T00:32:46.9Z").expect("an instant").to_utc();
        assert_eq!(file_name(at), "reconbanker-20261201T003246Z.tar");
        assert!(is_backup(&file_name(at)));
    }

    #[test]
    fn only_names_of_exactly_this_form_are_backups() {
        for name in [
            "",
            "reconbanker-20261201T003246Z.tar.age",
            "reconbanker-20261201T003246Z.tar.gz",
            "reconbanker-20261201T003246.tar",
            "reconbanker-20261201t003246z.tar",
            "reconbanker-2026120AT003246Z.tar",
            "reconbanker-20261201T0032460Z.tar",
            "reconbanker-.tar",
            "Reconbanker-20261201T003246Z.tar",
            "my-reconbanker-20261201T003246Z.tar",
            "reconbanker-20261201T003246Z",
            "reconbanker-２026120T003246Z.tar",
        ] {
            assert!(!is_backup(name), "{name}");
        }
    }

    #[test]
    fn the_oldest_go_and_nothing_else() {
        let name = |day: u32| format!("reconbanker-202612{day:02}T000000Z.tar");
        let check = |days: &[u32], newest: u32, keep: u32, expected: &[u32]| {
            let mut names: Vec<String> = days.iter().map(|day| name(*day)).collect();
            names.extend(["notes.txt", "reconbanker-before-the-move.tar"].map(str::to_owned));
            let gone: Vec<String> = expected.iter().map(|day| name(*day)).collect();
            assert_eq!(expired(&names, &name(newest), keep), gone, "{days:?} keep {keep}");
        };
        check(&[3, 1, 2, 4], 4, 2, &[2, 1]);
        check(&[3, 1, 2, 4], 4, 4, &[]);
        check(&[3, 1, 2, 4], 4, 9, &[]);
        check(&[1, 2], 2, 1, &[1]);
        check(&[2], 2, 1, &[]);
        // A clock that was set back: what looks newer than the newest is not ours to judge.
        check(&[1, 2, 9], 2, 1, &[1]);
    }
}
