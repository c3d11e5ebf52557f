//! The same number of resources for Terraform or `OpenTofu`: on every host a chain of twenty `terraform_data`, which no
//! provider stands behind, so that only planning is measured.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::report::Report;

/// Where the program is.
const VARIABLE: &str = "MAINSTAY_BENCH_TERRAFORM";
/// Resources a host.
const CHAIN: usize = 20;
/// Longer ones are given up.
const LONGEST: Duration = Duration::from_secs(600);

pub(crate) fn compare(report: &Report, sizes: &[usize]) {
    let Some(program) = std::env::var_os(VARIABLE).map(PathBuf::from) else {
        report.skipped("Terraform or OpenTofu", format!("set {VARIABLE} to the path of either program"));
        return;
    };
    let version = Command::new(&program).arg("version").output();
    let version = version.map(|it| String::from_utf8_lossy(&it.stdout).lines().next().unwrap_or_default().to_owned());
    let Ok(version) = version else {
        report.skipped("Terraform or OpenTofu", format!("{} cannot be run", program.display()));
        return;
    };
    println!("{version}, chains of {CHAIN} terraform_data, one run each, by the clock");
    for &hosts in sizes {
        for again in [false, true] {
            let what = if again { "nothing-to-do" } else { "first" };
            let resources = hosts * CHAIN;
            match plan(&program, hosts, again) {
                Ok((took, peak_kib)) => {
                    println!("{resources:>9}   {what:<14} {:>9.1} s   {:>6} MiB", took.as_secs_f64(), peak_kib / 1024);
                }
                Err(why) => {
                    report.skipped(&format!("{resources} resources, {what}"), why);
                    return;
                }
            }
        }
    }
}

fn plan(program: &Path, hosts: usize, again: bool) -> Result<(Duration, u64), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let write =
        |name: &str, text: &str| std::fs::write(folder.path().join(name), text).map_err(|error| error.to_string());
    write("main.tf", &configuration(hosts))?;
    if again {
        write("terraform.tfstate", &state(hosts).to_string())?;
    }
    let run = |arguments: &[&str]| {
        let mut command = Command::new(program);
        command.current_dir(folder.path()).args(arguments).env("CHECKPOINT_DISABLE", "1");
        limited(&mut command, &folder.path().join("said"))
    };
    run(&["init", "-input=false", "-no-color"])?;
    let figures = run(&["plan", "-input=false", "-no-color", "-lock=false", "-parallelism=64"])?;
    let said = std::fs::read_to_string(folder.path().join("said")).unwrap_or_default();
    let wanted = if again { "No changes.".to_owned() } else { format!("Plan: {} to add, 0 to change", hosts * CHAIN) };
    if said.contains(&wanted) { Ok(figures) } else { Err(format!("it did not say `{wanted}`")) }
}

/// Runs a program and watches its time and memory.
fn limited(command: &mut Command, said: &Path) -> Result<(Duration, u64), String> {
    let file = std::fs::File::create(said).map_err(|error| error.to_string())?;
    let began = Instant::now();
    let mut child = command.stdout(file).stderr(Stdio::null()).spawn().map_err(|error| error.to_string())?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        if let Some(ended) = child.try_wait().map_err(|error| error.to_string())? {
            let took = began.elapsed();
            return if ended.success() { Ok((took, peak)) } else { Err(format!("it ended with {ended}")) };
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        peak = line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0).max(peak);
        if began.elapsed() > LONGEST {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("given up after {} s", LONGEST.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn configuration(hosts: usize) -> String {
    let mut text = format!("locals {{\n  hosts = toset([for n in range({hosts}) : format(\"h%05d\", n)])\n}}\n");
    for link in 0..CHAIN {
        let input = link
            .checked_sub(1)
            .map_or("each.key".to_owned(), |before| format!("terraform_data.r{before}[each.key].id"));
        let _ = write!(
            text,
            "resource \"terraform_data\" \"r{link}\" {{\n  for_each = local.hosts\n  input    = {input}\n}}\n"
        );
    }
    text
}

/// The state after an apply, so that none has to be waited for.
fn state(hosts: usize) -> Value {
    let instance = |link: usize, host: usize| {
        let name = format!("h{host:05}");
        let input = link.checked_sub(1).map_or(name.clone(), |before| format!("{name}-{before}"));
        let value = json!({"value": input, "type": "string"});
        let attributes =
            json!({"id": format!("{name}-{link}"), "input": value, "output": value, "triggers_replace": null});
        json!({"index_key": name, "schema_version": 0, "attributes": attributes, "sensitive_attributes": []})
    };
    let resource = |link: usize| {
        json!({
            "mode": "managed", "type": "terraform_data", "name": format!("r{link}"),
            "provider": "provider[\"terraform.io/builtin/terraform\"]",
            "instances": (0..hosts).map(|host| instance(link, host)).collect::<Vec<_>>(),
        })
    };
    json!({
        "version": 4, "terraform_version": "1.6.0", "serial": 1, "lineage": "11111111-2222-4333-8444-555555555555",
        "outputs": {}, "resources": (0..CHAIN).map(resource).collect::<Vec<_>>(), "check_results": null,
    })
}
