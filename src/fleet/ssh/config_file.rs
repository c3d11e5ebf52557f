//! The part of `ssh_config(5)` that says how to reach a host: `HostName`, `User`, `Port`,
//! `IdentityFile` and `ProxyJump` under `Host` patterns. The first value wins. Other keywords are
//! ignored; `Match` blocks and `Include` are skipped with a warning.

use std::path::Path;

use super::known_hosts::matches_any;
use crate::fleet::FleetError;
use crate::input;

/// A file's settings, in its order.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    blocks: Vec<Block>,
}

#[derive(Debug)]
struct Block {
    patterns: Vec<String>,
    settings: Vec<(Keyword, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keyword {
    HostName,
    User,
    Port,
    IdentityFile,
    ProxyJump,
}

/// What the file says about one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct HostSettings {
    pub(super) host_name: Option<String>,
    pub(super) user: Option<String>,
    pub(super) port: Option<u16>,
    /// As written, apart from quotes; every matching line counts.
    pub(super) identity_files: Vec<String>,
    /// As written: `[user@]host[:port]`, several separated by commas; `none` is left out.
    pub(super) proxy_jump: Option<String>,
}

impl ConfigFile {
    /// Reads a file. One that was asked for by name must be there.
    pub(super) fn read(path: &Path, required: bool) -> Result<Self, FleetError> {
        let fault = |reason| FleetError::Local { what: path.display().to_string(), reason };
        match input::read(path, input::SETTINGS) {
            Ok(bytes) => Self::parse(&String::from_utf8_lossy(&bytes), path).map_err(fault),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => Ok(Self::default()),
            Err(error) => Err(fault(format!("cannot be read: {error}"))),
        }
    }

    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, String> {
        let mut blocks = vec![Block { patterns: vec!["*".to_owned()], settings: Vec::new() }];
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let words = words(line).map_err(|fault| format!("line {number}: {fault}"))?;
            let Some((keyword, values)) = words.split_first() else { continue };
            let keyword = match keyword.to_ascii_lowercase().as_str() {
                "host" => {
                    blocks.push(Block { patterns: values.to_vec(), settings: Vec::new() });
                    continue;
                }
                "match" => {
                    tracing::warn!("{}:{number}: Match is not supported; this block is ignored", path.display());
                    blocks.push(Block { patterns: Vec::new(), settings: Vec::new() });
                    continue;
                }
                "include" => {
                    tracing::warn!("{}:{number}: Include is not supported and ignored", path.display());
                    continue;
                }
                "hostname" => Keyword::HostName,
                "user" => Keyword::User,
                "port" => Keyword::Port,
                "identityfile" => Keyword::IdentityFile,
                "proxyjump" => Keyword::ProxyJump,
                _ => continue,
            };
            let [value] = values else {
                return Err(format!("line {number}: {} takes one value, not {}", words[0], values.len()));
            };
            if keyword == Keyword::Port && value.parse::<u16>().is_err() {
                return Err(format!("line {number}: `{value}` is not a port"));
            }
            let block = blocks.last_mut().expect("there is a block from the start");
            block.settings.push((keyword, value.clone()));
        }
        Ok(Self { blocks })
    }

    /// What holds for a host that is called so on the command line of ssh.
    pub(super) fn lookup(&self, alias: &str) -> HostSettings {
        let mut found = HostSettings::default();
        let mut jump_decided = false;
        for block in self.blocks.iter().filter(|block| matches_any(&block.patterns, &alias.to_ascii_lowercase())) {
            for (keyword, value) in &block.settings {
                match keyword {
                    Keyword::HostName => {
                        found.host_name.get_or_insert_with(|| value.replace("%h", alias).replace("%%", "%"));
                    }
                    Keyword::User => {
                        found.user.get_or_insert_with(|| value.clone());
                    }
                    Keyword::Port => found.port = found.port.or_else(|| value.parse().ok()),
                    Keyword::IdentityFile => found.identity_files.push(value.clone()),
                    Keyword::ProxyJump if !jump_decided => {
                        jump_decided = true;
                        found.proxy_jump = (!value.eq_ignore_ascii_case("none")).then(|| value.clone());
                    }
                    Keyword::ProxyJump => {}
                }
            }
        }
        found.identity_files.retain(|file| !file.eq_ignore_ascii_case("none"));
        found
    }
}

/// The words of a line: separated by blanks, the first one also by `=`; double quotes hold one
/// together; `#` at the start of a word begins a comment.
fn words(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let blank = |c: char| c.is_whitespace() || (words.is_empty() && c == '=');
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or("a quote is not closed")?,
            None => rest.split_at(rest.find(blank).unwrap_or(rest.len())),
        };
        let first = words.is_empty();
        words.push(word.to_owned());
        rest = after.trim_start();
        if first {
            rest = rest.strip_prefix('=').unwrap_or(rest).trim_start();
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ConfigFile, String> {
        ConfigFile::parse(text, Path::new("config"))
    }

    const FILE: &str = "
# comes first, so it holds everywhere
Port 2200
Host cp1 cp2
    HostName %h.example.com   # a comment
    User=ops
    IdentityFile ~/.ssh/one
    ServerAliveInterval 15
host *.lab !secret.lab
\tHostname \"10.0.0.1\"
\tProxyJump = admin@jump:2222
\tPort 99
Match user root
    User matched
Host *
    User everyone
    IdentityFile \"/keys/with space\"
    ProxyJump none
Host cp?
    ProxyJump never
";

    #[test]
    fn first_values_win_and_identities_add_up() {
        let file = parse(FILE).unwrap();
        let cp1 = HostSettings {
            host_name: Some("cp1.example.com".into()),
            user: Some("ops".into()),
            port: Some(2200),
            identity_files: vec!["~/.ssh/one".into(), "/keys/with space".into()],
            proxy_jump: None,
        };
        assert_eq!(file.lookup("cp1"), cp1);
        let lab = file.lookup("w1.lab");
        assert_eq!(
            (lab.host_name.as_deref(), lab.user.as_deref(), lab.proxy_jump.as_deref()),
            (Some("10.0.0.1"), Some("everyone"), Some("admin@jump:2222"))
        );
        assert_eq!(file.lookup("W1.LAB").host_name.as_deref(), Some("10.0.0.1"), "names have no case");
    }

    #[test]
    fn negated_patterns_and_match_blocks_do_not_apply() {
        let file = parse(FILE).unwrap();
        let secret = file.lookup("secret.lab");
        assert_eq!((secret.host_name, secret.proxy_jump), (None, None));
        assert_eq!(secret.user.as_deref(), Some("everyone"));
    }

    #[test]
    fn faults_name_their_line() {
        for (text, said) in [
            ("Host a\nPort ssh\n", "line 2: `ssh` is not a port"),
            ("Port 70000", "line 1: `70000` is not a port"),
            ("User", "line 1: User takes one value, not 0"),
            ("Host a\n\nHostName \"b", "line 3: a quote is not closed"),
        ] {
            assert_eq!(parse(text).unwrap_err(), said);
        }
    }

    #[test]
    fn a_missing_file_counts_only_when_it_was_named() {
        let missing = Path::new("/nonexistent/config");
        assert!(ConfigFile::read(missing, false).is_ok());
        assert!(ConfigFile::read(missing, true).unwrap_err().to_string().contains("/nonexistent/config"));
    }

    #[test]
    fn an_empty_file_says_nothing() {
        assert_eq!(parse("").unwrap().lookup("cp1"), HostSettings::default());
    }
}
