//! Which of many packs become one.

/// Up to so many packs are asked one after the other without being missed.
const MANY: usize = 8;
/// So many at least become one, since writing a pack costs something whatever its size.
const FEW: usize = 4;

/// Returns which packs, of these sizes, should become one: the smallest ones, and larger ones as long as they are no more than twice those
/// together. So a record is rewritten a number of times that grows with the logarithm of all. None while there are few.
pub(crate) fn to_merge(sizes: &[u64]) -> Vec<usize> {
    if sizes.len() <= MANY {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|it| sizes[*it]);
    let mut total: u64 = 0;
    let mut taken = 0;
    for at in &order {
        let size = sizes[*at];
        if taken >= FEW && size > total.saturating_mul(2) {
            break;
        }
        total = total.saturating_add(size);
        taken += 1;
    }
    order.truncate(taken);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_packs_become_one_and_large_ones_stay() {
        assert!(to_merge(&[5; 8]).is_empty());
        assert_eq!(to_merge(&[5; 9]).len(), 9);
        assert_eq!(to_merge(&[9000, 1000, 1, 1, 1, 1, 2, 3, 100]), [2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn what_is_added_one_by_one_is_rewritten_seldom() {
        let mut sizes = vec![60_000];
        let mut written = 0;
        for _ in 0..1000 {
            sizes.push(50);
            let mut taken = to_merge(&sizes);
            let total: u64 = taken.iter().map(|it| sizes[*it]).sum();
            taken.sort_unstable_by_key(|it| std::cmp::Reverse(*it));
            for at in taken {
                sizes.remove(at);
            }
            if total > 0 {
                sizes.push(total);
                written += total;
            }
            assert!(sizes.len() <= MANY, "{sizes:?}");
        }
        assert!(written < 8 * 50_000, "{written} rewritten for 50,000 new ones");
    }
}
