//! Golden scenarios: `tests/scenarios/<name>/` holds cluster.yaml, `script` (see `play`) and `expected`, and no code. Each
//! is a test of its own, by its name: `scenarios::host_added`.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use crate::play;
use crate::sandbox::{Sandbox, root};

fn folders() -> PathBuf {
    root().join("tests/scenarios")
}

fn scenario(name: &str) {
    let folder = folders().join(name.replace('_', "-"));
    let it = Sandbox::of(folder.join("cluster.yaml").to_str().unwrap());
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with("script") && !path.ends_with("expected") {
            fs::copy(&path, it.path(path.file_name().unwrap().to_str().unwrap())).unwrap();
        }
    }
    let base = it.read("cluster.yaml");
    let mut transcript = String::new();
    for line in fs::read_to_string(folder.join("script")).unwrap().lines() {
        let _ = writeln!(transcript, "{line}");
        transcript.push_str(&play::play(&it, &base, line));
    }
    play::expect(&folder.join("expected"), &transcript);
}

macro_rules! scenario {
    ($name:ident) => {
        #[test]
        fn $name() {
            scenario(stringify!($name));
        }
    };
}

include!("../scenarios/list.rs");

#[test]
fn each_folder_is_a_test() {
    let entries = fs::read_dir(folders()).unwrap().map(|entry| entry.unwrap().path());
    let folders =
        entries.filter(|path| path.is_dir()).map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    play::expect_list(&self::folders().join("list.rs"), "scenario", folders.collect(), scenario);
}
