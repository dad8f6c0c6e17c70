//! Lengths of time on the command line.

use std::time::Duration;

/// A length of time as people write it: `90s`, `31m`, `2h`, `1d`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("write it as 90s, 31m, 2h or 1d".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "write it as 90s, 31m, 2h or 1d".to_owned())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(|| "too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ages_as_people_write_them() {
        assert_eq!(parse_duration("31m"), Ok(Duration::from_secs(1860)));
        assert_eq!(parse_duration("0s"), Ok(Duration::ZERO));
        for wrong in ["", "m", "31", "-1m", "1.5h", "31 m", "99999999999999999999s", "9999999999999999999d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
