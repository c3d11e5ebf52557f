//! `package_repository`: a signed repository that the host's package manager (apt or dnf) reads.

use serde::{Deserialize, Serialize};

use crate::resource::{Act, FieldChange, Kind, Observation, Output, Prior, ProbeError, Script, Step};

/// A repository. In both addresses `{family}` stands for `deb` or `rpm`, whichever the host has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageRepository {
    /// Name of its files, for example `kubernetes`; its key.
    pub name: String,
    /// Address, for example `https://pkgs.k8s.io/core:/stable:/v1.31/{family}/`.
    pub url: String,
    /// Address of its ASCII-armored public key.
    pub key_url: String,
}

/// Whose form an entry has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageFamily {
    /// A file of /etc/apt/sources.list.d.
    Apt,
    /// A file of /etc/yum.repos.d.
    Dnf,
}

/// What a look sees of a [`PackageRepository`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageRepositorySeen {
    /// The package manager's file about it; empty when there is none.
    pub entry: String,
    /// Whose form the host wants.
    pub family: PackageFamily,
    /// Whether the key is there.
    pub key: bool,
}

impl PackageRepository {
    fn address(url: &str, family: PackageFamily) -> String {
        let word = match family {
            PackageFamily::Apt => "deb",
            PackageFamily::Dnf => "rpm",
        };
        url.replace("{family}", word)
    }

    /// The package manager's file. apt and dnf both read armored keys, so nothing needs gpg.
    fn entry(&self, family: PackageFamily) -> String {
        let (name, url) = (&self.name, Self::address(&self.url, family));
        match family {
            PackageFamily::Apt => format!("deb [signed-by=/etc/apt/keyrings/{name}.asc] {url} /\n"),
            PackageFamily::Dnf => format!(
                "[{name}]\nname={name}\nbaseurl={url}\nenabled=1\ngpgcheck=1\ngpgkey=file:///etc/pki/rpm-gpg/{name}.asc\n"
            ),
        }
    }

    /// What apt's list files of this repository begin with.
    fn lists(&self) -> String {
        let url = Self::address(&self.url, PackageFamily::Apt);
        let bare = url.split_once("://").map_or(url.as_str(), |(_, bare)| bare);
        bare.trim_end_matches('/').replace('/', "_")
    }

    fn script(&self, body: &'static str) -> Script {
        Script::new(body).set("REPOSITORY", &self.name).set("ROOT", "")
    }
}

/// Where a host notes the directories that were made.
const MADE: &str = "/var/lib/mainstay/made";

const TRANSIENT: &[&str] = &[
    "Could not get lock",
    "Temporary failure resolving",
    "Could not resolve host",
    "Connection timed out",
    "Connection failed",
    "Hash Sum mismatch",
];

impl Kind for PackageRepository {
    const NAME: &'static str = "package_repository";
    const PRINCIPAL: &'static str = "entry";
    type Observed = PackageRepositorySeen;

    fn key(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn probe(&self) -> Script {
        self.script(include_str!("package_repository/look.sh"))
    }

    fn parse(&self, output: &Output) -> Result<Observation<PackageRepositorySeen>, ProbeError> {
        if !output.success() {
            return Err(ProbeError::failed(output));
        }
        if output.stdout == "absent\n" {
            return Ok(Observation::Absent);
        }
        let unexpected = || ProbeError::unexpected(format!("repository {}: `{}`", self.name, output.tail(1)));
        let (facts, entry) = output.stdout.split_once('\n').ok_or_else(unexpected)?;
        let (family, key) = match facts {
            "apt key" => (PackageFamily::Apt, true),
            "apt nokey" => (PackageFamily::Apt, false),
            "dnf key" => (PackageFamily::Dnf, true),
            "dnf nokey" => (PackageFamily::Dnf, false),
            _ => return Err(unexpected()),
        };
        Ok(Observation::Present(PackageRepositorySeen { entry: entry.to_owned(), family, key }))
    }

    fn diff(&self, seen: &PackageRepositorySeen) -> Vec<FieldChange> {
        let entry = FieldChange::compare("entry", &seen.entry, self.entry(seen.family)).map(FieldChange::as_text);
        let word = |key| if key { "present" } else { "missing" };
        entry.into_iter().chain(FieldChange::compare("key", word(seen.key), word(true))).collect()
    }

    fn simulate(&self) -> PackageRepositorySeen {
        PackageRepositorySeen { entry: self.entry(PackageFamily::Apt), family: PackageFamily::Apt, key: true }
    }

    /// Which form the entry takes is the host's to say.
    fn later(&self) -> &'static [&'static str] {
        &["entry", "family"]
    }

    fn apply(&self, _: Act, _: &Observation<PackageRepositorySeen>) -> Vec<Step> {
        let script = self
            .script(include_str!("package_repository/add.sh"))
            .set("APT", self.entry(PackageFamily::Apt))
            .set("APT_KEY", Self::address(&self.key_url, PackageFamily::Apt))
            .set("DNF", self.entry(PackageFamily::Dnf))
            .set("DNF_KEY", Self::address(&self.key_url, PackageFamily::Dnf))
            .set("MADE", MADE);
        vec![Step::run(format!("add the repository {}", self.name), script).transient(TRANSIENT)]
    }

    fn destroy(&self, prior: &Prior<PackageRepositorySeen>) -> Vec<Step> {
        let before = prior.before.present();
        let script = self
            .script(include_str!("package_repository/remove.sh"))
            .set("BEFORE", before.map_or("", |before| &before.entry))
            .set("KEY", if before.is_some_and(|before| before.key) { "yes" } else { "no" })
            .set("LISTS", self.lists())
            .set("MADE", MADE);
        vec![Step::run(format!("remove the repository {}", self.name), script)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rehearsal::{Rehearsal, stand_in};
    use std::fs;
    use std::path::Path;

    fn repository() -> PackageRepository {
        PackageRepository {
            name: "kubernetes".into(),
            url: "https://pkgs.k8s.io/core:/stable:/v1.31/{family}/".into(),
            key_url: "https://pkgs.k8s.io/core:/stable:/v1.31/{family}/Release.key".into(),
        }
    }

    fn parse(text: &str) -> Result<Observation<PackageRepositorySeen>, ProbeError> {
        repository().parse(&Output { status: 0, stdout: text.into(), stderr: String::new() })
    }

    fn tool(dir: &Path, name: &str, body: &str) {
        stand_in(dir.join(name), &format!("#!/bin/sh\n{body}\n"));
    }

    /// A host with apt, whose curl yields `key` and whose lists appear with an update.
    fn host(key: &str) -> (tempfile::TempDir, Rehearsal) {
        let root = tempfile::tempdir().unwrap();
        for dir in ["bin", "etc/apt/sources.list.d", "var/lib/apt/lists"] {
            fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        let at = |name: &str| root.path().join(name).to_str().unwrap().to_owned();
        let bin = root.path().join("bin");
        tool(
            &bin,
            "curl",
            &format!(
                "while [ \"$1\" != -o ]; do shift; done; printf '%s' '{key}' >\"$2\"; echo \"$4\" >{}",
                at("asked")
            ),
        );
        tool(
            &bin,
            "apt-get",
            &format!("touch {}", at("var/lib/apt/lists/pkgs.k8s.io_core:_stable:_v1.31_deb_InRelease")),
        );
        let rehearsal = Rehearsal::default().with("ROOT", at("")).with("MADE", at("var/lib/mainstay/made"));
        let rehearsal = rehearsal.path(bin.to_str().unwrap());
        (root, rehearsal)
    }

    const KEY: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

    #[test]
    fn comes_with_its_key_and_goes_without_a_trace() {
        let (root, rehearsal) = host(KEY);
        let (_, seen) = rehearsal.live(&repository());
        assert_eq!(
            seen.entry,
            "deb [signed-by=/etc/apt/keyrings/kubernetes.asc] https://pkgs.k8s.io/core:/stable:/v1.31/deb/ /\n"
        );
        let asked = fs::read_to_string(root.path().join("asked")).unwrap();
        assert_eq!(asked, "https://pkgs.k8s.io/core:/stable:/v1.31/deb/Release.key\n");
        for (dir, count) in [("etc/apt", 1), ("etc/apt/sources.list.d", 0), ("var/lib/apt/lists", 0), ("var/lib", 1)] {
            assert_eq!(fs::read_dir(root.path().join(dir)).unwrap().count(), count, "{dir}");
        }
    }

    #[test]
    fn another_entry_and_key_come_back() {
        let (root, rehearsal) = host(KEY);
        let (entry, key) = ("etc/apt/sources.list.d/kubernetes.list", "etc/apt/keyrings/kubernetes.asc");
        fs::create_dir_all(root.path().join("etc/apt/keyrings")).unwrap();
        fs::write(root.path().join(entry), "deb http://old ./\n\n").unwrap();
        fs::write(root.path().join(key), "old key").unwrap();
        rehearsal.live(&repository());
        assert_eq!(fs::read_to_string(root.path().join(entry)).unwrap(), "deb http://old ./\n\n");
        assert_eq!(fs::read_to_string(root.path().join(key)).unwrap(), "old key");
        assert_eq!(fs::read_dir(root.path().join("etc/apt/keyrings")).unwrap().count(), 1);
    }

    #[test]
    fn a_copy_of_the_key_that_was_cut_off_is_not_trusted() {
        let (root, rehearsal) = host(KEY);
        let key = root.path().join("etc/apt/keyrings/kubernetes.asc");
        fs::create_dir_all(key.parent().unwrap()).unwrap();
        fs::write(&key, "old key").unwrap();
        let cp = root.path().join("bin/cp");
        stand_in(&cp, "#!/bin/sh\nfor to; do :; done\n: >\"$to\"\nexit 1\n");
        let before = rehearsal.look(&repository()).unwrap();
        rehearsal.run(&repository(), &repository().apply(Act::Update, &before)).unwrap_err();
        fs::remove_file(cp).unwrap();
        rehearsal.live(&repository());
        assert_eq!(fs::read_to_string(&key).unwrap(), "old key");
        assert_eq!(fs::read_dir(key.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let (root, rehearsal) = host("<html>captive portal</html>");
        let steps = repository().apply(Act::Create, &Observation::Absent);
        let failed = rehearsal.run(&repository(), &steps).unwrap_err();
        assert!(failed.stderr.contains("is not an ASCII-armored public key"), "{failed:?}");
        assert_eq!(fs::read_dir(root.path().join("etc/apt/keyrings")).unwrap().count(), 0);
        assert_eq!(rehearsal.look(&repository()), Ok(Observation::Absent));
    }

    #[test]
    fn entries_follow_the_family() {
        let entry = repository().entry(PackageFamily::Dnf);
        assert!(entry.contains("\nbaseurl=https://pkgs.k8s.io/core:/stable:/v1.31/rpm/\n"), "{entry}");
        let seen = |family| PackageRepositorySeen { entry: repository().entry(family), family, key: true };
        assert_eq!(repository().diff(&seen(PackageFamily::Apt)), []);
        assert_eq!(repository().diff(&seen(PackageFamily::Dnf)), []);
        let keyless = PackageRepositorySeen { key: false, ..seen(PackageFamily::Apt) };
        assert_eq!(repository().diff(&keyless)[0].field, "key");
        let other = PackageRepositorySeen { entry: String::new(), ..seen(PackageFamily::Apt) };
        assert_eq!(repository().diff(&other)[0].field, "entry");
    }

    #[test]
    fn garbage_is_an_error() {
        assert_eq!(parse("absent\n"), Ok(Observation::Absent));
        for text in ["", "absent", "apt\n", "apt key", "apk key\nx", "deb x /\n"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
