use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::*;
use crate::plan::{Change, Problem, Reason};
use crate::render::fixture::{change, day_two, plan, thousand, troubled, updated};

fn shown(plan: &Plan) -> String {
    let line_of = |pointer: &str| (pointer == "/hosts").then_some(17);
    PlanMarkdown { full: false, source: Source { file: "cluster.yaml", line_of: &line_of } }.render(plan)
}

/// What a reader of Markdown sees: the HTML, the code, and all other text.
#[derive(Default)]
struct Read {
    html: String,
    code: String,
    text: String,
    columns: Vec<usize>,
}

fn read(markdown: &str) -> Read {
    let (mut read, mut in_code, mut depth) = (Read::default(), false, 0_i32);
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Start(Tag::Table(columns)) => read.columns.push(columns.len()),
            Event::Text(text) if in_code => read.code.push_str(&text),
            Event::Code(text) => read.code.push_str(&text),
            Event::Text(text) => read.text.push_str(&text),
            Event::Html(html) | Event::InlineHtml(html) => {
                depth += i32::from(html.contains("<details>")) - i32::from(html.contains("</details>"));
                assert!((0..=1).contains(&depth), "{markdown}");
                read.html.push_str(&html);
            }
            _ => {}
        }
    }
    assert_eq!((depth, in_code), (0, false), "{markdown}");
    read
}

#[test]
fn a_day_two_plan() {
    insta::assert_snapshot!(shown(&day_two()));
}

#[test]
fn problems_and_warnings_are_never_folded() {
    let text = shown(&troubled());
    insta::assert_snapshot!(text);
    assert!(!read(&text).html.contains("<details>"));
}

#[test]
fn nothing_to_do_is_one_heading() {
    insta::assert_snapshot!(shown(&plan(vec![])));
}

#[test]
fn hostile_contents_stay_inside_their_fence_and_call_nobody() {
    let hostile = "```\n</details>\n@everyone <b>x</b>\n````` | #1\n";
    let mut file = updated("cp1/haproxy/file[/etc/`x`|@all]", "content", "", hostile);
    file.fields[0].shown = Shown::Text;
    let mut value = updated("cp1/haproxy/file[</summary>]", "@root `", "``", "</details>\n```");
    value.warning = Some("@all: <img onerror=x> `go` ```\n</details>".into());
    let odd = Problem::Unknown { text: hostile.into() };
    let odd = Change { problem: Some(odd), ..change("cp1/x/y[```@all]", Action::NoOp, vec![]) };
    let text = shown(&plan(vec![file, value, odd]));
    let read = read(&text);
    assert_eq!(read.html.matches("<details>").count(), 1, "{text}");
    assert_eq!(read.html.replace("<details><summary>cp1 · haproxy: 2 changes</summary>", "").matches('<').count(), 2);
    assert!(!read.text.contains("@a") && !read.text.contains("@e") && !read.text.contains("@r"), "{}", read.text);
    for kept in ["@everyone <b>x</b>", "</details>", "/etc/`x`|@all", "```@all"] {
        assert!(read.code.contains(kept), "{kept}: {text}");
    }
}

#[test]
fn what_is_too_long_says_so_and_what_destroys_stays() {
    let text = "0123456789abcdef".repeat(40);
    let names = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"];
    let mut changes: Vec<Change> = (0..400)
        .map(|i| {
            let key = names.map(|name| if i % (name.len() + 1) > 2 { name } else { "x" }).join("");
            updated(&format!("w{i}/{key}/file[/{key}]"), &format!("{key}{}", "y".repeat(i)), "", &text)
        })
        .collect();
    let warning = Some("its data goes".into());
    changes.push(Change { warning, ..change("w1/worker/member", Action::Destroy, vec![Reason::Removed]) });
    let problem = Some(Problem::Unknown { text: "no route to host".into() });
    changes.push(Change { problem, ..change("w2/worker/member", Action::NoOp, vec![]) });
    let markdown = shown(&plan(changes));
    let read = read(&markdown);
    assert!(markdown.len() < 65_536, "{}", markdown.len());
    assert!(read.text.contains("its data goes") && read.code.contains("no route to host"));
    let shown = read.html.matches("<details>").count();
    assert!(shown > 10 && markdown.contains(&format!("**{} more changes are not shown here.**", 401 - shown)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_plan_is_well_formed_and_short_enough(
        parts in prop::collection::vec(("[a-z]{1,8}", "[`|@<>/a-z\\n ]{0,30}", "(.|\\n|`|<){0,400}", 0..5_u8, 1..400_usize), 0..60),
    ) {
        let changes = parts.into_iter().enumerate().flat_map(|(i, (host, key, text, extra, times))| {
            let name = format!("{host}{i}/c/file[{key}]");
            let mut change = updated(&name, &key, "", &text.repeat(times % 40));
            match extra {
                0 => change.warning = Some(text),
                1 => change.fields.iter_mut().for_each(|field| field.shown = Shown::Text),
                2 => change = Change { problem: Some(Problem::Unknown { text }), ..change },
                3 => change.action = Action::Destroy,
                _ => {}
            }
            if change.problem.is_some() {
                change.action = Action::NoOp;
            }
            vec![change; 1 + times % 7]
        });
        let plan = plan(changes.collect());
        let markdown = shown(&plan);
        prop_assert!(markdown.len() < 65_536);
        let read = read(&markdown);
        prop_assert!(read.columns.len() <= 1 + read.text.matches('|').count());
        prop_assert!(read.html.starts_with("<!-- mainstay plan: prod -->"));
        for tag in read.html.split('<').skip(1) {
            let ours = ["!--", "details>", "/details>", "summary>", "/summary>"];
            prop_assert!(ours.iter().any(|it| tag.starts_with(it)), "{tag}");
        }
    }
}

#[test]
fn a_thousand_hosts_that_change_alike_are_one_fold() {
    let sysctl = |host| updated(&format!("w{host}/host/sysctl[net.ipv4.ip_forward]"), "live value", "0", "1");
    insta::assert_snapshot!(shown(&thousand(&[&sysctl])));
}
