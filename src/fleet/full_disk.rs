//! Which file system is full, where a step failed for want of room.

use std::collections::BTreeSet;

use crate::resource::Output;

/// How shells and tools report that nothing more can be written. The first is what dash's `printf` makes of it.
const SYMPTOMS: [&str; 2] = ["I/O error", "No space left on device"];

/// Takes the `@@full MOUNTPOINT` lines out of a failed act's standard error, and where it failed for want of room says
/// so in their place.
pub(super) fn name_full_disks(mut output: Output) -> Output {
    let mut full = BTreeSet::new();
    let mut rest = String::with_capacity(output.stderr.len());
    for line in output.stderr.split_inclusive('\n') {
        match line.strip_prefix("@@full ") {
            Some(place) => _ = full.insert(place.trim_end_matches('\n')),
            None => rest.push_str(line),
        }
    }
    if !full.is_empty() && SYMPTOMS.iter().any(|symptom| rest.contains(symptom) || output.stdout.contains(symptom)) {
        let places: Vec<&str> = full.into_iter().collect();
        rest.extend(["no space is left on the host: the file system at ", &places.join(", "), " is full\n"]);
    }
    output.stderr = rest;
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(stderr: &str) -> String {
        name_full_disks(Output { status: 1, stdout: String::new(), stderr: stderr.into() }).stderr
    }

    #[test]
    fn a_full_disk_is_named_where_it_is_the_cause() {
        assert_eq!(
            of("sh: 7: printf: I/O error\n@@full /var\n@@full /var\n@@full /tmp\n"),
            "sh: 7: printf: I/O error\nno space is left on the host: the file system at /tmp, /var is full\n"
        );
        assert_eq!(of("boom\n@@full /boot\n"), "boom\n");
        assert_eq!(of("write error: No space left on device\n"), "write error: No space left on device\n");
    }
}
