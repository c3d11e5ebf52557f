//! A plan with nothing to do, over SSH: mainstay beside the floor (the same connections and the same scripts by
//! OpenSSH), Ansible and pyinfra, on the lab's hosts.
//!
//! ```text
//! cargo bench --bench ssh                                   # 5, 10 and 20 hosts, five rounds
//! cargo bench --bench ssh -- --hosts 5 --rounds 9 --more
//! ```
//!
//! Needs what the lab needs (Docker), and for the peers Python with venv and its index. All contenders take turns in every
//! round; each one's result is checked every time: exit code 0, nothing changed.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark tells its figures")]

mod ansible;
mod floor;
mod lab;
mod measure;
mod peers;
mod pyinfra;
#[path = "../report/mod.rs"]
mod report;
mod table;
mod wanted;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ansible::Ansible;
use floor::Floor;
use lab::Lab;
use measure::{Sample, child};
use peers::Peers;
use pyinfra::Pyinfra;
use report::load;
use table::Row;
use wanted::Wanted;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What the command line asks for.
struct Options {
    hosts: Vec<usize>,
    rounds: usize,
    /// Ansible also with --check, and with everything in as few tasks as a person would make it by hand.
    more: bool,
    /// Not Ansible, which takes minutes a round where the hosts share few processors; its bar is not looked at then.
    quick: bool,
    /// Which mainstay is measured; the one of this build unless that is said.
    binary: PathBuf,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            hosts: vec![5, 10, 20],
            rounds: 5,
            more: false,
            quick: false,
            binary: env!("CARGO_BIN_EXE_mainstay").into(),
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--hosts" => options.hosts = numbers(&value()?)?,
                "--rounds" => options.rounds = value()?.parse()?,
                "--quick" => options.quick = true,
                "--more" => options.more = true,
                "--binary" => options.binary = value()?.into(),
                "--bench" => {}
                other => return Err(format!("unknown argument: {other}").into()),
            }
        }
        Ok(options)
    }
}

fn numbers(list: &str) -> Result<Vec<usize>> {
    let numbers: std::result::Result<_, _> = list.split(',').map(str::parse).collect();
    Ok(numbers?)
}

fn main() -> ExitCode {
    // `cargo test --all-targets` runs this, too; cargo bench says so.
    if !std::env::args().any(|word| word == "--bench") {
        return ExitCode::SUCCESS;
    }
    match Options::parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("ssh: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every bar that could be measured is met.
fn run(options: &Options) -> Result<bool> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-ssh");
    std::fs::create_dir_all(&directory)?;
    let peers = Peers::install(&directory);
    if let Err(reason) = &peers {
        eprintln!("\nssh: ANSIBLE AND PYINFRA ARE SKIPPED, their bars are not looked at: {reason}\n");
    }
    let mut met = true;
    for &hosts in &options.hosts {
        met &= compare(&directory, hosts, options, peers.as_ref().ok())?;
    }
    if options.quick {
        println!("Ansible was left out, as asked for: its bar was not looked at.");
    }
    if peers.is_err() {
        println!("Ansible and pyinfra were skipped: half of the bars were not looked at.");
    }
    Ok(met)
}

fn compare(directory: &Path, hosts: usize, options: &Options, peers: Option<&Peers>) -> Result<bool> {
    eprintln!("ssh: {hosts} hosts: starting and preparing them");
    let lab = Lab::up(&directory.join("lab"), hosts, &options.binary)?;
    let before = load();
    let floor = Floor::record(&lab)?;
    let wanted = Wanted::of_state(&lab)?;
    let (ansible, pyinfra) = match peers {
        Some(peers) => {
            let ansible =
                (!options.quick).then(|| Ansible::converge(peers, &lab, &wanted, options.more)).transpose()?;
            (ansible, Some(Pyinfra::converge(peers, &lab, &wanted)?))
        }
        None => (None, None),
    };

    let mut rows = vec![Row::new("OpenSSH: ssh HOST true"), Row::new("OpenSSH: the same script (floor)")];
    rows.push(Row::new("OpenSSH: the same script, curve25519"));
    rows.push(Row::new("mainstay plan"));
    let ways: Vec<_> = ansible.iter().flat_map(Ansible::ways).collect();
    rows.extend(ways.iter().map(|way| Row::new(way.name)));
    rows.extend(pyinfra.iter().flat_map(|_| Pyinfra::WAYS).map(|way| Row::new(way.name)));
    for round in 1..=options.rounds {
        let mut samples =
            vec![floor.connect()?, floor.script(&[])?, floor.script(&["-oKexAlgorithms=curve25519-sha256"])?];
        samples.push(nothing_to_do(&lab)?);
        for (ansible, way) in ansible.iter().flat_map(|it| ways.iter().map(move |way| (it, way))) {
            samples.push(ansible.run(way)?);
        }
        if let Some(pyinfra) = &pyinfra {
            for way in Pyinfra::WAYS {
                samples.push(pyinfra.run(&way)?);
            }
        }
        eprintln!("ssh: {hosts} hosts: round {round} of {}", options.rounds);
        rows.iter_mut().zip(samples).for_each(|(row, sample)| row.samples.push(sample));
    }
    println!("\n{hosts} hosts, {} rounds, load average {before} before and {} after; {wanted}", options.rounds, load());
    Ok(table::print(&rows))
}

/// mainstay's plan, which must find nothing to do.
fn nothing_to_do(lab: &Lab) -> Result<Sample> {
    child(lab.mainstay("cluster.yaml", "plan").arg("--detailed-exitcode"), |_| Ok(()))
}

/// The checkout.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
