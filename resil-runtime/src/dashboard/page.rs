//! The page itself: one document, its style and its script inside.

use serde::Serialize;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

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
    fn no_name_ends_what_it_stands_in() {
        let page = page(&Start { token: None, actor: "</script><script>{{script}}{{nonce}}\u{2028}\"" }, "n0nce");
        assert_eq!(page.matches("</script>").count(), 2, "the data and the script");
        assert!(page.contains(r"\u003c/script>\u003cscript>{{script}}{{nonce}}"));
    }
}
