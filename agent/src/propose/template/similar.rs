//! How alike two names or expressions are: the nearer of two names is the likelier slip.

/// Returns the likeness of two identifiers, in `[0, 1]`: shared words (`max_depth`, `depth`), shared ends, few edits.
pub fn names(left: &str, right: &str) -> f64 {
    if left == right {
        return 1.0;
    }
    let (left, right) = (left.to_lowercase(), right.to_lowercase());
    let words = dice(&words(&left), &words(&right));
    let longest = left.chars().count().max(right.chars().count()).max(1);
    let edits = 1.0 - edit_distance(&left, &right) as f64 / longest as f64;
    let both_short = left.chars().count() <= 2 && right.chars().count() <= 2;
    // One-letter names (`i`, `j`) are alike as a class, whatever the letters.
    let short = if both_short { 0.5 } else { 0.0 };
    words.max(edits).max(short).clamp(0.0, 1.0)
}

/// Returns the likeness of two expressions by the tokens they share, in `[0, 1]`.
pub fn expressions(left: &str, right: &str) -> f64 {
    dice(&tokens(left), &tokens(right))
}

/// Returns identifiers, numbers and operator characters of an expression.
pub fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |it: char| it.is_alphanumeric() || it == '_';
        let length = if is_word(first) { rest.find(|it| !is_word(it)).unwrap_or(rest.len()) } else { first.len_utf8() };
        if !first.is_whitespace() {
            tokens.push(&rest[..length]);
        }
        rest = &rest[length..];
    }
    tokens
}

fn words(name: &str) -> Vec<&str> {
    name.split(|it: char| it == '_' || it.is_ascii_digit()).filter(|it| !it.is_empty()).collect()
}

fn dice(left: &[&str], right: &[&str]) -> f64 {
    if left.is_empty() || right.is_empty() {
        return 0.0;
    }
    let mut rest = right.to_vec();
    let mut shared = 0;
    for word in left {
        if let Some(at) = rest.iter().position(|it| it == word) {
            rest.swap_remove(at);
            shared += 1;
        }
    }
    2.0 * f64::from(shared) / (left.len() + right.len()) as f64
}

fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, from) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in right.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_nearer(to: &str, near: &str, far: &str) {
        assert!(names(to, near) > names(to, far), "{near} should be nearer to {to} than {far}");
    }

    #[test]
    fn alike_names_are_nearer() {
        check_nearer("max_depth", "depth", "string");
        check_nearer("weight_by_edge", "weight_by_node", "graph");
        check_nearer("i", "j", "result");
        check_nearer("value", "values", "other");
    }

    #[test]
    fn tokens_keep_words_and_signs() {
        assert_eq!(tokens("dp[i-1, j] + é2"), ["dp", "[", "i", "-", "1", ",", "j", "]", "+", "é2"]);
        assert!(expressions("a[0] + b", "a[1] + b") > expressions("a[0] + b", "c(d)"));
    }
}
