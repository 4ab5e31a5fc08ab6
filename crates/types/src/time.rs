use std::{fmt, time::UNIX_EPOCH};

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

/// The text is not a date in the form asked for, or not a day that exists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a date in the expected form")]
pub struct InvalidTimestamp;

/// Where the time comes from. Time is an argument: only the composition of a process names
/// [`SystemClock`]; the simulator brings its own.
pub trait Clock: Send + Sync {
    /// The moment now.
    fn now(&self) -> Timestamp;
}

/// The machine's real-time clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the clock"
    )]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// A clock that is wrong by so many seconds; for tests, and for finding out what a wrong clock does.
#[derive(Debug, Clone, Copy, Default)]
pub struct ShiftedClock<C> {
    /// The clock that is right.
    pub clock: C,
    /// How far this one is ahead of it, in seconds.
    pub ahead_secs: i64,
}

impl<C: Clock> Clock for ShiftedClock<C> {
    fn now(&self) -> Timestamp {
        let shift = self.ahead_secs.saturating_mul(1000);
        Timestamp(self.clock.now().0.saturating_add_signed(shift))
    }
}

/// Year, month, day, hour, minute, second in UTC.
type Civil = (i64, u32, u32, u32, u32, u32);

impl Timestamp {
    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// From seconds since the epoch.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch.
    pub const fn secs(self) -> u64 {
        self.0 / 1000
    }

    /// Later by `secs` seconds.
    pub const fn plus_secs(self, secs: u64) -> Self {
        Self(self.0.saturating_add(secs.saturating_mul(1000)))
    }

    /// `20261121T230943Z`: the basic form of SigV4.
    pub fn to_basic(self) -> String {
        let (y, mo, d, h, mi, s) = self.civil();
        let mut text = year(y);
        two_digits(&mut text, "", &[mo, d]);
        text.push('T');
        two_digits(&mut text, "", &[h, mi, s]);
        text.push('Z');
        text
    }

    /// `2026-11-21T23:09:43.123Z`: listings and errors.
    pub fn to_iso(self) -> String {
        let mut text = self.iso_without_zone();
        text.push('.');
        let millis = (self.0 % 1000) as u32;
        text.push(digit(millis / 100));
        two_digits(&mut text, "", &[millis % 100]);
        text.push('Z');
        text
    }

    /// `2026-11-21T23:09:43Z`: whole seconds.
    pub fn to_iso_secs(self) -> String {
        let mut text = self.iso_without_zone();
        text.push('Z');
        text
    }

    /// Written by hand: a listing has a thousand of them, and `format!` takes ten times as long.
    fn iso_without_zone(self) -> String {
        let (y, mo, d, h, mi, s) = self.civil();
        let mut text = year(y);
        text.push('-');
        two_digits(&mut text, "-", &[mo, d]);
        text.push('T');
        two_digits(&mut text, ":", &[h, mi, s]);
        text
    }

    /// Reads `YYYYMMDDTHHMMSSZ`, exactly.
    pub fn parse_basic(text: &str) -> Result<Self, InvalidTimestamp> {
        let b = text.as_bytes();
        if b.len() != 16 || b[8] != b'T' || b[15] != b'Z' {
            return Err(InvalidTimestamp);
        }
        let n = |from: usize, to: usize| -> Result<u32, InvalidTimestamp> {
            b[from..to].iter().try_fold(0u32, |n, c| match c {
                b'0'..=b'9' => Ok(n * 10 + u32::from(c - b'0')),
                _ => Err(InvalidTimestamp),
            })
        };
        Self::from_civil((
            i64::from(n(0, 4)?),
            n(4, 6)?,
            n(6, 8)?,
            n(9, 11)?,
            n(11, 13)?,
            n(13, 15)?,
        ))
    }

    fn from_civil((y, mo, d, h, mi, s): Civil) -> Result<Self, InvalidTimestamp> {
        if y < 1970 || !(1..=12).contains(&mo) || h > 23 || mi > 59 || s > 59 {
            return Err(InvalidTimestamp);
        }
        if d < 1 || d > days_of_month(y, mo) {
            return Err(InvalidTimestamp);
        }
        let days = days_from_civil(y, mo, d);
        let secs = days * 86_400 + i64::from(h * 3600 + mi * 60 + s);
        u64::try_from(secs)
            .map(Self::from_secs)
            .map_err(|_| InvalidTimestamp)
    }

    fn civil(self) -> Civil {
        let secs = self.secs();
        let (y, mo, d) = civil_from_days((secs / 86_400) as i64);
        let s = (secs % 86_400) as u32;
        (y, mo, d, s / 3600, s / 60 % 60, s % 60)
    }
}

/// Four digits or more, with room for the rest of a date.
fn year(y: i64) -> String {
    let mut text = String::with_capacity(24);
    match u32::try_from(y) {
        Ok(y) if y <= 9999 => two_digits(&mut text, "", &[y / 100, y % 100]),
        _ => text.push_str(&y.to_string()),
    }
    text
}

/// Numbers below 100, two digits each.
fn two_digits(text: &mut String, separator: &str, numbers: &[u32]) {
    for (i, number) in numbers.iter().enumerate() {
        if i > 0 {
            text.push_str(separator);
        }
        text.push(digit(number / 10));
        text.push(digit(number % 10));
    }
}

fn digit(value: u32) -> char {
    char::from_digit(value, 10).unwrap_or('0')
}

/// Days since the epoch. Source: H. Hinnant, "chrono-compatible low-level date algorithms".
fn days_from_civil(y: i64, m: u32, d: u32) -> i64 {
    let y = if m <= 2 { y - 1 } else { y };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = i64::from((153 * (if m > 2 { m - 3 } else { m + 9 }) + 2) / 5 + d) - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

/// How many days a month (1 to 12) has.
fn days_of_month(y: i64, m: u32) -> u32 {
    match m {
        2 if y % 4 == 0 && (y % 100 != 0 || y % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let d = (doy - (153 * mp + 2) / 5 + 1) as u32;
    let m = if mp < 10 { mp + 3 } else { mp - 9 } as u32;
    (yoe + era * 400 + i64::from(m <= 2), m, d)
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_iso())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let t = Timestamp::from_millis(1_369_353_600_042);
        assert_eq!(t.to_basic(), "20130524T000000Z");
        assert_eq!(t.to_iso(), "2013-05-24T00:00:00.042Z");
        assert_eq!(t.to_iso_secs(), "2013-05-24T00:00:00Z");
        let late = Timestamp::from_millis(253_402_300_799_999);
        assert_eq!(late.to_iso(), "9999-12-31T23:59:59.999Z");
        assert_eq!(late.plus_secs(1).to_iso_secs(), "10000-01-01T00:00:00Z");
        assert_eq!(
            Timestamp::parse_basic("20130524T000000Z").unwrap().secs(),
            t.secs()
        );
        for bad in [
            "20130230T000000Z",
            "20130524T240000Z",
            "20130524T000000",
            "2013-05-24T00:00Z",
            "2013052aT000000Z",
        ] {
            assert!(Timestamp::parse_basic(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_other_day_reads() {
        for (y, mo, days) in
            (1970..2401).flat_map(|y| (1..=12).map(move |mo| (y, mo, days_of_month(y, mo))))
        {
            let after = civil_from_days(days_from_civil(y, mo, days) + 1);
            let next = if mo == 12 {
                (y + 1, 1, 1)
            } else {
                (y, mo + 1, 1)
            };
            assert_eq!(after, next, "{y}-{mo}");
            for day in [0, days + 1] {
                let text = format!("{y:04}{mo:02}{day:02}T000000Z");
                assert!(Timestamp::parse_basic(&text).is_err(), "{text}");
            }
        }
    }

    #[test]
    fn every_day_until_2400_reads_back() {
        for day in 0..157_000u64 {
            let t = Timestamp::from_secs(day * 86_400 + day % 86_400);
            assert_eq!(Timestamp::parse_basic(&t.to_basic()), Ok(t));
        }
    }
}
