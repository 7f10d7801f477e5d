//! What the text of a user's statement says.

/// Whether it ends the transaction that it runs in. Literals of PostgreSQL alone are not understood, such as `$$; COMMIT$$`.
pub(super) fn ends_transaction(sql: &str) -> bool {
    let mut begins = true;
    // `CREATE TRIGGER .. BEGIN ..; END` has an END of its own.
    let (mut is_create, mut is_trigger) = (false, false);
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '\'' | '"' | '`' => behind(&rest[1..], first),
            '-' if rest.starts_with("--") => behind(rest, '\n'),
            '/' if rest.starts_with("/*") => rest[2..].split_once("*/").map_or("", |(_, rest)| rest),
            ';' => {
                (begins, is_create) = (true, false);
                &rest[1..]
            }
            _ if first.is_alphabetic() || first == '_' => {
                let (word, behind) = word(rest);
                let is = |expected: &str| word.eq_ignore_ascii_case(expected);
                match begins {
                    true if is("END") && is_trigger => is_trigger = false,
                    true if is("COMMIT") || is("END") || is("ABORT") || is("PREPARE") => return true,
                    true if is("ROLLBACK") && !is_to_a_savepoint(behind) => return true,
                    true => is_create = is("CREATE"),
                    false => is_trigger |= is_create && is("TRIGGER"),
                }
                begins = false;
                behind
            }
            _ => {
                begins &= first.is_whitespace();
                // A column may have the name.
                is_create &= first != '(';
                &rest[first.len_utf8()..]
            }
        };
    }
    false
}

fn behind(text: &str, end: char) -> &str {
    text.split_once(end).map_or("", |(_, rest)| rest)
}

/// A word, and what is behind it.
fn word(text: &str) -> (&str, &str) {
    let end = text.find(|char: char| !char.is_alphanumeric() && char != '_');
    text.split_at(end.unwrap_or(text.len()))
}

/// `ROLLBACK [TRANSACTION | WORK] TO ..`
fn is_to_a_savepoint(mut behind: &str) -> bool {
    loop {
        let (next, rest) = word(behind.trim_start());
        if !next.eq_ignore_ascii_case("TRANSACTION") && !next.eq_ignore_ascii_case("WORK") {
            return next.eq_ignore_ascii_case("TO");
        }
        behind = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_ends_a_transaction_is_seen_in_its_text() {
        for sql in ["COMMIT", " commit;", "rollback", "END TRANSACTION", "ABORT", "PREPARE TRANSACTION 'a'"] {
            assert!(ends_transaction(sql), "{sql}");
        }
        for sql in [
            "SELECT 1; COMMIT; BEGIN",
            "-- why\n/* not */ COMMIT",
            "INSERT INTO a VALUES ('it''s; ');\n\tend",
            "ROLLBACK TRANSACTION",
            "CREATE TRIGGER a AFTER INSERT ON b BEGIN DELETE FROM c; END; COMMIT",
            "CREATE TABLE a (trigger TEXT);; END",
        ] {
            assert!(ends_transaction(sql), "{sql}");
        }
    }

    #[test]
    fn what_only_looks_like_it_does_not() {
        for sql in [
            "",
            "--",
            "-- COMMIT",
            "/*; COMMIT",
            "SELECT CASE WHEN a THEN 1 END FROM commits",
            "SAVEPOINT a; ROLLBACK TO SAVEPOINT a; RELEASE a",
            "ROLLBACK TRANSACTION TO a",
            "INSERT INTO a VALUES ('; COMMIT'), (\"; COMMIT\"), (`; COMMIT`), ('it''s; COMMIT')",
            "CREATE TEMP TRIGGER a AFTER INSERT ON b BEGIN UPDATE c SET d = CASE e WHEN 1 THEN 2 END; SELECT 1; END",
            "SELECT 1 /* ; */; SELECT commit",
            "(COMMIT)",
            "commitment; commit_1; \u{e9}commit",
        ] {
            assert!(!ends_transaction(sql), "{sql}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_an_end(sql in r#"([;'"`$*/-]|COMMIT|CREATE|TRIGGER|ROLLBACK|TO|\n| |\PC)*"#) {
            _ = ends_transaction(&sql);
        }
    }
}
