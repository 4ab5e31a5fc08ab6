/// Inclusive ranges, sorted and merged: in order, and none touches the next. `next` is what follows a
/// value, and nothing where values end.
pub fn merge_ranges<T: Copy + Ord>(
    mut ranges: Vec<(T, T)>,
    next: impl Fn(T) -> Option<T>,
) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (start, end) in ranges {
        match merged.last_mut() {
            // The last one reaches the end of all values, or up to this one.
            Some((_, last)) if next(*last).is_none_or(|behind| start <= behind) => {
                *last = end.max(*last);
            }
            _ => merged.push((start, end)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_touches_is_one() {
        let merged = |ranges: &[(u8, u8)]| merge_ranges(ranges.to_vec(), |v| v.checked_add(1));
        assert_eq!(merged(&[(7, 9), (1, 2), (3, 4), (6, 8)]), [(1, 4), (6, 9)]);
        assert_eq!(merged(&[(0, 255), (3, 4), (255, 255)]), [(0, 255)]);
        assert_eq!(merged(&[]), []);
    }
}
