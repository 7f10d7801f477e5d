//! The page itself: one document, its style and its script inside.

use serde::Serialize;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// What each part means and is called, how it is shown, and what arrives and is asked for.
const SCRIPT: &str =
    concat!(include_str!("page/words.js"), "\n", include_str!("page/rows.js"), "\n", include_str!("page/live.js"));

/// What the script begins with. Without a token there are no controls.
#[derive(Debug, Serialize)]
pub(super) struct Start<'a> {
    pub(super) token: Option<&'a str>,
    pub(super) actor: &'a str,
}

/// The document. Only what bears this nonce is applied or run.
pub(super) fn page(start: &Start<'_>, nonce: &str) -> String {
    // Words always have a text. No name ends the element that it stands in.
    let start = serde_json::to_string(start).unwrap_or_default().replace('<', "\\u003c");
    let ours = PAGE.replacen("{{style}}", STYLE, 1).replacen("{{script}}", SCRIPT, 1).replace("{{nonce}}", nonce);
    // The last, so that nothing in it is taken for ours.
    ours.replacen("{{start}}", &start, 1)
}

/// Nothing from elsewhere, nothing inline but what is ours, and no frame around it.
pub(super) fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_small_whole_and_without_anything_from_elsewhere() {
        let page = page(&Start { token: Some("token"), actor: "anna" }, "n0nce");
        assert!(page.len() < 60_000, "{} bytes", page.len());
        assert!(!page.contains("{{"), "everything is filled in");
        // A name of the standard's, from which nothing is fetched.
        let page = page.replace("http://www.w3.org/2000/svg", "");
        for from_elsewhere in ["src=\"", "url(", "@import", "http://", "https://", "import("] {
            assert!(!page.contains(from_elsewhere), "{from_elsewhere}");
        }
        // Data is written as text, and no handler stands in an attribute.
        for inline in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", " onclick=", " style=\""]
        {
            assert!(!page.contains(inline), "{inline}");
        }
        assert_eq!(page.matches("nonce=\"n0nce\"").count(), 2, "the style and the script");
    }

    #[test]
    fn whoever_sees_little_can_read_it() {
        let themes: Vec<&str> = STYLE.split(":root {").skip(1).filter_map(|rest| rest.split('}').next()).collect();
        assert_eq!(themes.len(), 2, "light and dark");
        for theme in themes {
            let light = |name: &str| {
                let (_, rest) = theme.split_once(&format!("--{name}: #")).unwrap_or_else(|| panic!("no {name}"));
                luminance(u32::from_str_radix(&rest[..6], 16).unwrap_or_else(|error| panic!("{error}")))
            };
            let contrast = |one: &str, other: &str| {
                let (one, other) = (light(one), light(other));
                (one.max(other) + 0.05) / (one.min(other) + 0.05)
            };
            for text in ["ink", "faint", "bad", "watch", "good"] {
                for paper in ["paper", "raised"] {
                    assert!(contrast(text, paper) >= 4.5, "{text} on {paper}: {}", contrast(text, paper));
                }
            }
            assert!(contrast("ink", "watch-soft") >= 4.5 && contrast("focus", "paper") >= 3.0);
            // What marks a limit, and the edge of what can be pressed.
            assert!(contrast("ink", "track") >= 3.0 && contrast("faint", "raised") >= 3.0);
        }
    }

    /// As WCAG 2 has it.
    fn luminance(colour: u32) -> f64 {
        let linear = |shift: u32| {
            let share = f64::from(colour >> shift & 0xff) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(16) + 0.7152 * linear(8) + 0.0722 * linear(0)
    }

    #[test]
    fn no_name_ends_what_it_stands_in() {
        let page = page(&Start { token: None, actor: "</script><script>{{script}}{{nonce}}\u{2028}\"" }, "n0nce");
        assert_eq!(page.matches("</script>").count(), 2, "the data and the script");
        assert!(page.contains(r"\u003c/script>\u003cscript>{{script}}{{nonce}}"));
    }
}
