//! `ssh_config`: any file is read or refused, and leads to any host in a bounded number of hops.

use mainstay::fleet::ssh_files::reached;

pub(super) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    // The second word is often a name that the file speaks of.
    let own = text.split_whitespace().nth(1).unwrap_or("h");
    for name in ["cp1", "w1.lab", own] {
        let found = reached(&text, name);
        if let Ok((_, hops)) = &found {
            assert!(*hops <= 64, "{hops} hops to {name}");
        }
        // Comments and blank lines change nothing.
        let commented = reached(&format!("# first\n\n{text}\n# last\n"), name);
        assert_eq!(found.ok(), commented.ok());
    }
}
