//! The graph from afar, as SVG.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::hosts_text::host_list;
use super::plan_html::escaped;
use crate::graph::{Part, Picture};
use crate::resource::{Action, HostName};

/// Sizes, in pixels.
const BOX: (usize, usize) = (156, 46);
const GAP: (usize, usize) = (44, 12);
const LANE_HEAD: usize = 26;
/// Between lines that pass below the boxes of a column.
const TRACK: usize = 8;
const MARGIN: usize = 14;

/// Colours of a dark page. Those of a light one are attributes, which image viewers and converters understand, too.
const DARK: &str = include_str!("picture.css");
const INK: &str = "#1f2328";
const SOFT: &str = "#6e7781";

/// A picture of its own: style included, nothing loaded.
pub fn svg(picture: &Picture<'_>) -> String {
    let columns = picture.parts.iter().map(|part| part.column + 1).max().unwrap_or(0);
    let tracks = tracks(picture);
    let height = |lane: usize, column: usize| {
        rows(picture, lane, column) * (BOX.1 + GAP.1) + tracks.get(&(lane, column)).map_or(0, Vec::len) * TRACK
    };
    let lane_height = |lane| LANE_HEAD + (0..columns).map(|column| height(lane, column)).max().unwrap_or(0) + GAP.1 / 2;
    let heights: Vec<usize> = (0..picture.lanes.len()).map(lane_height).collect();
    let tops: Vec<usize> = (0..heights.len()).map(|lane| MARGIN + heights[..lane].iter().sum::<usize>()).collect();
    let width = (2 * MARGIN + columns * (BOX.0 + GAP.0)).max(320);
    let height = 2 * MARGIN + heights.iter().sum::<usize>();
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"picture\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" font-family=\"system-ui,sans-serif\" font-size=\"13\" role=\"img\" \
         aria-label=\"Execution order\">\n\
         <style>{DARK}</style>\n"
    );
    for (lane, hosts) in picture.lanes.iter().enumerate() {
        let (top, high) = (tops[lane], heights[lane] - GAP.1 / 2);
        let _ = writeln!(
            text,
            "<rect class=\"lane\" fill=\"#f6f8fa\" x=\"{}\" y=\"{top}\" width=\"{}\" height=\"{high}\" rx=\"8\"/>\
             <text class=\"lane-name\" fill=\"{SOFT}\" font-size=\"12\" x=\"{}\" y=\"{}\">{}</text>",
            MARGIN / 2,
            width - MARGIN,
            MARGIN,
            top + 18,
            escaped(&host_names(hosts, width / 8)),
        );
    }
    let place = |part: &Part<'_>| (left(part.column), tops[part.lane] + LANE_HEAD + part.row * (BOX.1 + GAP.1));
    for &(from, to) in &picture.lines {
        let ((x, y), (end_x, end_y)) = (place(&picture.parts[from]), place(&picture.parts[to]));
        let (lane, columns) = (picture.parts[to].lane, picture.parts[from].column + 1..picture.parts[to].column);
        let _ = write!(
            text,
            "<path class=\"line\" fill=\"none\" stroke=\"{SOFT}\" stroke-width=\"1.3\" opacity=\"0.55\" d=\"M{} {}",
            x + BOX.0,
            y + BOX.1 / 2
        );
        let mut last = y + BOX.1 / 2;
        for column in columns {
            let track = tracks[&(lane, column)].iter().position(|&target| target == to).unwrap_or_default();
            let y = tops[lane] + LANE_HEAD + rows(picture, lane, column) * (BOX.1 + GAP.1) + track * TRACK;
            bend(&mut text, (left(column) - GAP.0, last), (left(column), y));
            let _ = write!(text, "H{}", left(column) + BOX.0);
            last = y;
        }
        bend(&mut text, (end_x - GAP.0, last), (end_x, end_y + BOX.1 / 2));
        text.push_str("\"/>\n");
    }
    for part in &picture.parts {
        let (x, y) = place(part);
        let (class, counts) = (class(part), counts(part));
        let (edge, ink) = colours(class);
        let dashes = if class == "problem" { " stroke-dasharray=\"5 3\"" } else { "" };
        let _ = writeln!(
            text,
            "<g class=\"part {class}\"><title>{name} on {hosts}: {counts}</title>\
             <rect fill=\"#fff\" stroke=\"{edge}\" stroke-width=\"1.3\"{dashes} x=\"{x}\" y=\"{y}\" width=\"{}\" \
             height=\"{}\" rx=\"6\"/>\
             <text class=\"name\" fill=\"{INK}\" font-weight=\"600\" x=\"{tx}\" y=\"{}\">{name}</text>\
             <text class=\"counts\" fill=\"{ink}\" font-size=\"12\" x=\"{tx}\" y=\"{}\">{counts}</text></g>",
            BOX.0,
            BOX.1,
            y + 19,
            y + 36,
            tx = x + 10,
            name = escaped(part.component),
            hosts = escaped(&host_names(&picture.lanes[part.lane], 60)),
        );
    }
    text.push_str("</svg>\n");
    text
}

fn left(column: usize) -> usize {
    MARGIN + column * (BOX.0 + GAP.0)
}

/// A curve across the gap between two columns.
fn bend(text: &mut String, (x1, y1): (usize, usize), (x2, y2): (usize, usize)) {
    let middle = usize::midpoint(x1, x2);
    let _ = write!(text, "C{middle} {y1} {middle} {y2} {x2} {y2}");
}

/// Boxes of a lane in a column.
fn rows(picture: &Picture<'_>, lane: usize, column: usize) -> usize {
    picture.parts.iter().filter(|part| (part.lane, part.column) == (lane, column)).count()
}

/// Lines that pass a column, by lane and column. Those that end at the same box share one.
fn tracks(picture: &Picture<'_>) -> BTreeMap<(usize, usize), Vec<usize>> {
    let mut tracks: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for &(from, to) in &picture.lines {
        for column in picture.parts[from].column + 1..picture.parts[to].column {
            let targets = tracks.entry((picture.parts[to].lane, column)).or_default();
            if !targets.contains(&to) {
                targets.push(to);
            }
        }
    }
    tracks
}

fn host_names(hosts: &[&HostName], width: usize) -> String {
    let mut hosts = hosts.to_vec();
    hosts.sort_by_key(|host| host.by_number());
    host_list(&hosts, width)
}

/// What a box says below its name. In a plan, what is not to be changed is what has a problem.
fn counts(part: &Part<'_>) -> String {
    let counted = |(action, count): (&Action, &usize)| match action {
        Action::NoOp => format!("!{count}"),
        action => format!("{}{count}", action.symbol()),
    };
    match (part.actions.is_empty(), part.resources) {
        (true, 1) => "1 resource".into(),
        (true, many) => format!("{many} resources"),
        (false, _) => part.actions.iter().map(counted).collect::<Vec<_>>().join("  "),
    }
}

/// The colour of a box: that of what weighs most.
fn class(part: &Part<'_>) -> &'static str {
    let has = |action| part.actions.contains_key(&action);
    match () {
        () if has(Action::Destroy) || has(Action::Replace) => "destroy",
        () if has(Action::Update) => "change",
        () if has(Action::Create) => "add",
        () if has(Action::Adopt) || has(Action::Forget) => "record",
        () if has(Action::NoOp) => "problem",
        () => "plain",
    }
}

/// The edge of a box of this class, and the text in it.
fn colours(class: &str) -> (&'static str, &'static str) {
    match class {
        "add" => ("#1a7f37", "#1a7f37"),
        "change" => ("#9a6700", "#9a6700"),
        "destroy" | "problem" => ("#cf222e", "#cf222e"),
        "record" => ("#0969da", "#0969da"),
        _ => ("#d0d7de", SOFT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Drawing;

    #[test]
    fn a_picture_is_an_svg_of_its_own() {
        let names = ["cp1/haproxy/file[<x>]", "cp2/haproxy/file[<x>]", "w1/worker/member"];
        let addresses = names.map(|name| name.parse().unwrap());
        let nodes = vec![(&addresses[0], Some(Action::Update)), (&addresses[1], None), (&addresses[2], None)];
        let drawing = Drawing { nodes, edges: vec![(0, 2)] };
        // What has no attribute is black where style sheets with variables are not understood.
        let picture = svg(&drawing.picture());
        assert!(!picture.contains("var("));
        let drawn =
            picture.matches("<rect").count() + picture.matches("<text").count() + picture.matches("<path").count();
        assert_eq!(picture.matches(" fill=\"").count(), drawn);
        insta::assert_snapshot!(svg(&drawing.picture()).replace(DARK, ""));
    }
}
