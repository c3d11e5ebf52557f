//! What is said to people: it cannot drive their terminal, and what they are told to type is about the same cluster.

use std::fs;

use crate::sandbox::{QUICKSTART, Sandbox};

const STATE: &str = "state/quickstart.json";

#[test]
fn a_simulated_host_cannot_drive_the_terminal() {
    let it = Sandbox::applied();
    let evil = "\u{1b}[2J\u{7}\u{9b}1A";
    let said = [
        it.expect(5, &["sim", "fail", evil]),
        it.expect(0, &["sim", "set", &format!("cp1/host/sysctl[net.ipv4.ip_forward]={evil}")]),
        it.expect(0, &["sim", "status"]),
        it.expect(5, &["facts", evil]),
    ];
    for said in said {
        let text = said.out + &said.err;
        assert!(text.contains(r"\u{9b}1A"), "{text}");
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    }
}

#[test]
fn hints_are_about_the_file_that_was_named() {
    let it = Sandbox::of(QUICKSTART);
    fs::rename(it.path("cluster.yaml"), it.path("prod.yaml")).unwrap();
    let told = |code: i32, args: &[&str], wanted: &str| {
        let said = it.expect(code, &[&["-f", "prod.yaml"], args].concat());
        assert!(said.err.contains(wanted), "{args:?} does not tell {wanted}\n{}", said.err);
    };
    told(1, &["drift"], "run `mainstay -f prod.yaml apply`");
    told(0, &["plan", "--out", "o.plan"], "mainstay -f prod.yaml apply o.plan");
    told(5, &["apply", "o.plan", "--target", "w1"], "mainstay -f prod.yaml plan --target w1 --out o.plan");
    told(5, &["plan", "--target", "zz"], "`mainstay -f prod.yaml graph`");
    it.expect(0, &["-f", "prod.yaml", "apply", "--auto-approve"]);
    told(1, &["state", "rm", "zz"], "`mainstay -f prod.yaml state list`");
    fs::write(it.path(STATE), "cut").unwrap();
    told(1, &["plan"], "`mainstay -f prod.yaml state rollback ");
    told(1, &["state", "list", "--state", STATE], &format!("`mainstay state rollback --state {STATE} "));
    let json = it.expect(1, &["-f", "prod.yaml", "--json", "plan"]).json();
    let hint = json.iter().find_map(|line| line["diagnostic"]["hints"][0].as_str()).unwrap();
    assert!(hint.contains("`mainstay -f prod.yaml state rollback "), "{hint}");
}

#[test]
fn beside_a_state_file_no_cluster_yaml_is_told_of() {
    let it = Sandbox::applied();
    it.expect(0, &["sim", "set", "cp1/host/sysctl[net.ipv4.ip_forward]=0"]);
    let unnamed = |code: i32, args: &[&str], wanted: &str| {
        let said = it.expect(code, &[args, &["--state", STATE]].concat());
        assert!(said.err.contains(wanted), "{args:?} does not tell {wanted}\n{}", said.err);
        for command in ["mainstay apply", "mainstay plan", "mainstay graph"] {
            assert!(!said.err.contains(command), "{args:?}\n{}", said.err);
        }
    };
    unnamed(2, &["drift"], "To revert it: apply its cluster.yaml.");
    unnamed(5, &["destroy", "--auto-approve", "--target", "zz"], &format!("`mainstay state list --state {STATE}`"));
    unnamed(0, &["state", "rm", "w2"], &format!("mainstay drift --state {STATE}"));
    let left = format!("mainstay state list --state {STATE}");
    unnamed(0, &["destroy", "--auto-approve", "--target", "w1"], &left);
}

#[test]
fn a_plan_that_destroys_is_planned_again_as_one() {
    let it = Sandbox::applied();
    it.expect(0, &["plan", "--destroy", "--out", "d.plan"]);
    let said = it.expect(5, &["apply", "d.plan", "--target", "w1"]);
    assert!(said.err.contains("mainstay plan --destroy --target w1 --out d.plan`"), "{}", said.err);
    let said = it.expect(5, &["apply", "d.plan", "--refresh-only"]);
    assert!(said.err.contains("compatible options"), "{}", said.err);
}
