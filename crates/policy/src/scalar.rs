//! The values that conditions compare, other than text: numbers, moments, address prefixes.
//!
//! Each has one reader, used for what a policy says when it is compiled and for what a request
//! brings as text when it is judged.

use blockhouse_types::Timestamp;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr};

/// A decimal number, exact: billionths in an integer. Numbers of policies are sizes, ages and
/// counts; with a floating-point number two different sizes could be equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number(i128);

/// Digits kept behind the point.
const FRACTION_DIGITS: u32 = 9;
/// Digits before the point that are read; more are no number that we compare.
const WHOLE_DIGITS_MAX: usize = 27;

impl Number {
    pub(crate) fn from_i64(value: i64) -> Self {
        Self(i128::from(value) * 10i128.pow(FRACTION_DIGITS))
    }

    /// Reads an integer or a decimal, with an optional sign and exponent.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (text, negative) = match text.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (text.strip_prefix('+').unwrap_or(text), false),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, small_exponent(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty() || whole.len() > WHOLE_DIGITS_MAX {
            return None;
        }
        let mut value: i128 = 0;
        let mut scale = exponent + FRACTION_DIGITS as i32;
        for digit in whole.bytes() {
            value = push_digit(value, digit)?;
        }
        for digit in fraction.bytes() {
            value = push_digit(value, digit)?;
            scale -= 1;
        }
        let value = shift(value, scale)?;
        Some(Self(if negative { -value } else { value }))
    }
}

fn small_exponent(text: &str) -> Option<i32> {
    let exponent: i32 = text.parse().ok()?;
    (-30..=30).contains(&exponent).then_some(exponent)
}

fn push_digit(value: i128, digit: u8) -> Option<i128> {
    let digit = char::from(digit).to_digit(10)?;
    value.checked_mul(10)?.checked_add(i128::from(digit))
}

/// Times ten to the `scale`; `None` when digits would be lost or do not fit.
fn shift(mut value: i128, mut scale: i32) -> Option<i128> {
    while scale > 0 && value != 0 {
        value = value.checked_mul(10)?;
        scale -= 1;
    }
    while scale < 0 {
        if value % 10 != 0 {
            return None;
        }
        value /= 10;
        scale += 1;
        if value == 0 {
            break;
        }
    }
    Some(value)
}

/// A moment, in milliseconds since 1970; before it, negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(i64);

impl Moment {
    pub(crate) fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    pub(crate) fn from_timestamp(time: Timestamp) -> Self {
        Self(i64::try_from(time.millis()).unwrap_or(i64::MAX))
    }

    /// Reads a date of the W3C profile of ISO 8601, or seconds since 1970. Four digits alone are a
    /// year. Source: IAM user guide, "Date condition operators"; W3C, "Date and Time Formats".
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let all_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if all_digits && text.len() != 4 {
            return text.parse().ok().map(Self::from_secs);
        }
        let (date, time) = match text.split_once('T') {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let mut parts = date.split('-');
        let year = digits(parts.next()?, 4)?;
        let month = parts.next().map_or(Some(1), |m| digits(m, 2))?;
        let day = match parts.next() {
            Some(day) => digits(day, 2)?,
            None if time.is_some() => return None,
            None => 1,
        };
        if parts.next().is_some() {
            return None;
        }
        let midnight = midnight(year, month, day)?;
        let millis = time.map_or(Some(0), time_of_day)?;
        Some(Self(midnight + millis))
    }
}

/// Exactly `len` digits.
fn digits(text: &str, len: usize) -> Option<u32> {
    let fits = text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

/// Milliseconds from 1970 to the day's begin.
fn midnight(year: u32, month: u32, day: u32) -> Option<i64> {
    let basic = format!("{year:04}{month:02}{day:02}T000000Z");
    // Before 1970 there is no timestamp; nor does a policy need one.
    let time = Timestamp::parse_basic(&basic).ok()?;
    i64::try_from(time.millis()).ok()
}

/// `hh:mm[:ss[.fraction]]` and a zone, as milliseconds; the zone may make it negative.
fn time_of_day(text: &str) -> Option<i64> {
    let zone_at = text.find(['Z', '+', '-'])?;
    let (clock, zone) = text.split_at(zone_at);
    let mut parts = clock.split(':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let (second, fraction) = match parts.next() {
        None => (0, 0),
        Some(seconds) => {
            let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
            (digits(whole, 2)?, thousandths(fraction)?)
        }
    };
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let millis = i64::from((hour * 60 + minute) * 60 + second) * 1000 + fraction;
    Some(millis - zone_millis(zone)?)
}

/// The first three digits of a fraction.
fn thousandths(fraction: &str) -> Option<i64> {
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let three: String = fraction.chars().chain("000".chars()).take(3).collect();
    three.parse().ok()
}

/// `Z`, `+hh:mm` or `-hh:mm`.
fn zone_millis(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        (_, rest) => (-1, rest),
    };
    let (hour, minute) = rest.split_once(':')?;
    let (hour, minute) = (digits(hour, 2)?, digits(minute, 2)?);
    (hour < 24 && minute < 60).then(|| sign * i64::from(hour * 60 + minute) * 60_000)
}

/// The address that an IPv4-mapped IPv6 address stands for; any other as it is. A socket that
/// listens for both families names an IPv4 peer `::ffff:192.0.2.1`, and a policy that names
/// `192.0.2.0/24` means that peer.
pub(crate) fn fold(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// The addresses that share their first bits, ready to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prefix {
    V4 { bits: u32, mask: u32 },
    V6 { bits: u128, mask: u128 },
}

impl Prefix {
    /// Reads `address/length` or an address alone, which is a prefix of its own: `/32`, of IPv6
    /// `/128`. Bits behind the length do not count.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let net = match text.contains('/') {
            true => text.parse::<IpNet>().ok()?,
            false => IpNet::from(text.parse::<IpAddr>().ok()?),
        };
        Some(Self::of(net))
    }

    /// The prefix of a network; one within the IPv4-mapped range is the IPv4 network it stands for.
    pub(crate) fn of(net: IpNet) -> Self {
        match net {
            IpNet::V4(net) => Self::V4 {
                bits: u32::from(net.network()),
                mask: u32::from(net.netmask()),
            },
            IpNet::V6(net) => match (net.prefix_len().checked_sub(96), mapped(net.network())) {
                (Some(len), Some(bits)) => Self::V4 {
                    bits,
                    mask: u32::MAX.checked_shl(32 - u32::from(len)).unwrap_or(0),
                },
                _ => Self::V6 {
                    bits: u128::from(net.network()),
                    mask: u128::from(net.netmask()),
                },
            },
        }
    }

    /// Whether `address`, already folded, begins with these bits.
    pub(crate) fn contains(self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::V4 { bits, mask }, IpAddr::V4(a)) => u32::from(a) & mask == bits,
            (Self::V6 { bits, mask }, IpAddr::V6(a)) => u128::from(a) & mask == bits,
            // `::/0` and the few others above the mapped range hold its addresses as well.
            (Self::V6 { bits, mask }, IpAddr::V4(a)) => {
                u128::from(a.to_ipv6_mapped()) & mask == bits
            }
            (Self::V4 { .. }, IpAddr::V6(_)) => false,
        }
    }
}

fn mapped(address: Ipv6Addr) -> Option<u32> {
    address.to_ipv4_mapped().map(u32::from)
}

/// Reads `true` or `false`, in any case.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact() {
        let n = |text: &str| Number::parse(text);
        assert_eq!(n("600000"), Some(Number::from_i64(600_000)));
        assert_eq!(n("6e5"), n("600000.000"));
        assert_eq!(n("-0.5"), n("-5e-1"));
        assert!(n("1.2") < n("1.3") && n("1.10") < n("1.2"));
        assert!(n("9007199254740993") > n("9007199254740992"));
        for bad in [
            "", "-", ".", "1.2.3", "0x1", "1e99", "1e", " 1", "٣", "1e-30",
        ] {
            assert_eq!(n(bad), None, "{bad}");
        }
    }

    #[test]
    fn moments_of_every_form() {
        let m = |text: &str| Moment::parse(text);
        let noon = Some(Moment(1_369_396_800_000));
        assert_eq!(m("2013-05-24T12:00:00Z"), noon);
        assert_eq!(m("2013-05-24T12:00Z"), noon);
        assert_eq!(m("2013-05-24T12:00:00.000Z"), noon);
        assert_eq!(m("2013-05-24T14:30:00+02:30"), noon);
        assert_eq!(m("2013-05-24T10:00-02:00"), noon);
        assert_eq!(m("1369396800"), noon);
        assert_eq!(m("2013"), m("2013-01-01"));
        assert_eq!(m("2013-05"), m("2013-05-01T00:00:00Z"));
        for bad in [
            "",
            "2013-5-24",
            "2013-02-30",
            "2013-05-24T12",
            "2013-05-24T12:00",
            "2013-05T12:00Z",
            "2013-05-24T24:00Z",
            "2013-05-24T12:00:00.Z",
            "2013-05-24 12:00Z",
            "1960-01-01",
            "20130524T120000Z",
        ] {
            assert_eq!(m(bad), None, "{bad}");
        }
    }

    #[test]
    fn prefixes_hold_what_they_say() {
        let holds = |prefix: &str, address: &str| {
            let prefix = Prefix::parse(prefix).unwrap();
            prefix.contains(fold(address.parse().unwrap()))
        };
        assert!(holds("192.0.2.0/24", "192.0.2.255") && !holds("192.0.2.0/24", "192.0.3.0"));
        assert!(
            holds("192.0.2.77/24", "192.0.2.1"),
            "host bits do not count"
        );
        assert!(holds("192.0.2.1", "192.0.2.1") && !holds("192.0.2.1", "192.0.2.2"));
        assert!(holds("2001:db8::1", "2001:db8::1") && !holds("2001:db8::1", "2001:db8::2"));
        assert!(holds("192.0.2.0/24", "::ffff:192.0.2.9"));
        assert!(
            holds("::ffff:192.0.2.0/120", "192.0.2.9")
                && !holds("::ffff:192.0.2.0/120", "192.0.3.9")
        );
        assert!(holds("0.0.0.0/0", "255.1.1.1") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("::/0", "2001:db8::1") && holds("::/0", "10.0.0.1"));
        for bad in [
            "",
            "10.0.0.0/33",
            "10.0.0",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/8/8",
            "IP-address",
        ] {
            assert_eq!(Prefix::parse(bad), None, "{bad}");
        }
    }
}
