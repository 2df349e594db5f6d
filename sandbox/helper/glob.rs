//! The patterns by which files are collected: `*` and `?` within one name, `**` over any number of names.

/// Returns whether a relative path matches.
pub(crate) fn matches(glob: &[u8], path: &[u8]) -> bool {
    let glob: Vec<&[u8]> = glob.split(|byte| *byte == b'/').collect();
    let path: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
    names_match(&glob, &path)
}

fn names_match(glob: &[&[u8]], path: &[&[u8]]) -> bool {
    wild(glob, path, |it| *it == b"**", |it, name| name_matches(it, name))
}

fn name_matches(glob: &[u8], name: &[u8]) -> bool {
    wild(glob, name, |it| *it == b'*', |it, byte| *it == b'?' || it == byte)
}

/// Matches with going back to the last star only, which is enough and takes no more than length times length.
fn wild<G, P>(glob: &[G], path: &[P], is_star: impl Fn(&G) -> bool, same: impl Fn(&G, &P) -> bool) -> bool {
    let (mut at, mut next) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while next < path.len() {
        match glob.get(at) {
            Some(it) if is_star(it) => {
                back = Some((at, next));
                at += 1;
            }
            Some(it) if same(it, &path[next]) => {
                at += 1;
                next += 1;
            }
            _ => match &mut back {
                Some((star, from)) => {
                    *from += 1;
                    (at, next) = (*star + 1, *from);
                }
                None => return false,
            },
        }
    }
    glob[at..].iter().all(is_star)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stay_within_names_and_double_stars_do_not() {
        for (glob, path, expected) in [
            ("*.xml", "a.xml", true),
            ("*.xml", "d/a.xml", false),
            ("**/*.xml", "d/e/a.xml", true),
            ("**/*.xml", "a.xml", true),
            ("**", "a/b/c", true),
            ("target/**/TEST-*.xml", "target/surefire-reports/TEST-a.b.xml", true),
            ("**/target/*/TEST-?.xml", "m/target/x/TEST-1.xml", true),
            ("**/target/*/TEST-?.xml", "m/target/x/TEST-12.xml", false),
            ("a/**/b/**/c", "a/b/x/b/y/c", true),
            ("a/**/b/**/c", "a/x/c", false),
            ("", "a", false),
        ] {
            assert_eq!(matches(glob.as_bytes(), path.as_bytes()), expected, "{glob} {path}");
        }
        let many = "a*".repeat(60) + "b";
        assert!(!matches(many.as_bytes(), "a".repeat(4000).as_bytes()));
    }
}
