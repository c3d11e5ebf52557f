use proptest::prelude::*;

use super::*;
use crate::plan::{Problem, Reason, Warning};
use crate::render::fixture::{change, day_two, plan, thousand, troubled, updated};

fn shown(plan: &Plan) -> String {
    let line_of = |pointer: &str| (pointer == "/hosts").then_some(17);
    PlanHtml { full: false, source: Source { file: "cluster.yaml", line_of: &line_of } }.render(plan)
}

/// The page without what is the same on every page.
fn body(page: &str) -> String {
    let (_, body) = page.split_once("<body>").unwrap();
    let (before, rest) = body.split_once("<style>").unwrap_or((body, "</style>"));
    let (_, after) = rest.split_once("</style>").unwrap();
    format!("{before}{after}").replace(SCRIPT, "")
}

#[test]
fn a_day_two_plan() {
    insta::assert_snapshot!(body(&shown(&day_two())));
}

#[test]
fn problems_and_warnings() {
    insta::assert_snapshot!(body(&shown(&troubled())));
}

#[test]
fn the_policy_names_the_one_script() {
    let bytes = <sha2::Sha256 as sha2::Digest>::digest(SCRIPT.as_bytes());
    assert_eq!(SCRIPT_HASH, base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes));
}

#[test]
fn nothing_is_loaded_from_anywhere() {
    let page = shown(&day_two());
    let page = page.replace("http://www.w3.org/2000/svg", "");
    for word in ["http:", "https:", "src=", "url(", "@import", "//"] {
        let at = page.find(word).map(|at| page[at..].chars().take(60).collect::<String>());
        // Comments of the script are no address.
        assert!(at.is_none() || at.as_ref().is_some_and(|it| it.starts_with("// ")), "{word}: {at:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn nothing_that_comes_from_a_host_is_html(
        parts in prop::collection::vec(("[<>&'\"/a-z!-]{0,20}", 0..6_u8), 1..12),
    ) {
        let hostile = "</script></pre><img src=x onerror=alert(1)>\"'";
        let changes = parts.into_iter().enumerate().map(|(i, (text, extra))| {
            let text = format!("{text}{hostile}");
            let mut change = updated(&format!("h{i}/c/file[{text}]"), &text, "", &format!("{text}\n"));
            change.reasons = vec![Reason::Pending { source: text.clone() }];
            match extra {
                0 => change.warning = Some(text),
                1 => change.fields.iter_mut().for_each(|field| field.shown = Shown::Text),
                2 => {
                    let by = format!("h/c/file[{text}]").parse().unwrap();
                    change = Change { problem: Some(Problem::Blocked { by }), action: Action::NoOp, ..change };
                }
                3 => change = Change { problem: Some(Problem::Unknown { text }), action: Action::NoOp, ..change },
                _ => {}
            }
            change
        });
        let mut plan = plan(changes.collect());
        plan.warnings.push(Warning::danger("hostile", hostile.into()));
        let page = shown(&plan);
        prop_assert!(!page.contains("<img"), "{}", page);
        prop_assert_eq!(page.matches("</script>").count(), 1);
        for tag in ["section", "article", "details", "pre", "ul", "dl", "main", "p", "h4", "code"] {
            let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
            prop_assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{}", tag);
        }
    }
}

#[test]
fn a_thousand_hosts_are_a_small_page() {
    let range = |host: usize| updated(&format!("w{host}/host/node"), "range", &format!("10.0.{host}.0"), "none");
    let gone = |host: usize| change(&format!("w{host}/host/swap"), Action::Destroy, vec![Reason::Removed]);
    let page = shown(&thousand(&[&range, &gone]));
    assert!(page.len() < 100_000, "{}", page.len());
    assert!(page.contains("900 more that differ only in names and numbers"));
}
