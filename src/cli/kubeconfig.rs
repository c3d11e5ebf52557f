//! `mainstay kubeconfig`

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::error::{CliError, Exit};
use super::links::behind_links;
use super::ui::Ui;
use super::workspace::Workspace;
use crate::fleet::{ActOutcome, ActRequest, Purpose};
use crate::flow;
use crate::hint::Hint;
use crate::input;
use crate::kinds;
use crate::resource::{HostName, Slots};

/// Print the admin kubeconfig, pointing at the endpoint
///
/// The kubeconfig is read from any control plane. It contains a private key.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay kubeconfig > prod.kubeconfig
  mainstay kubeconfig --merge && kubectl --context prod get nodes")]
pub(super) struct Args {
    /// Merge it into ~/.kube/config (or the first file of KUBECONFIG) as context NAME
    #[arg(long)]
    merge: bool,
}

pub(super) async fn run(args: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    let workspace = Workspace::open(file, false, ui)?;
    let text = fetch(&workspace).await?;
    let cluster = workspace.cluster();
    let config: Value = serde_yaml::from_str(&text)
        .map_err(|error| CliError::failed(format!("admin.conf has an unexpected format: {error}")))?;
    let named = renamed(&config, &cluster.name, &format!("https://{}", cluster.endpoint))?;
    if args.merge {
        let path = merge_target()?;
        merge(&named, &path)?;
        ui.say(&format!("Added context {} to {}.", cluster.name, path.display()));
        return Ok(Exit::Done);
    }
    let text = if ui.json { named.to_string() } else { yaml(&named)? };
    ui.data(&text)?;
    Ok(Exit::Done)
}

fn yaml(value: &Value) -> Result<String, CliError> {
    // One line a value: scripts read kubeconfigs with grep and cut.
    let options = serde_yaml::ser_options! { prefer_block_scalars: false };
    serde_yaml::to_string_with_options(value, options).map_err(|error| CliError::failed(error.to_string()))
}

/// admin.conf of the first control plane that has one.
async fn fetch(workspace: &Workspace) -> Result<String, CliError> {
    if workspace.simulated() {
        return Err(CliError::failed("simulated hosts do not run Kubernetes and have no kubeconfig"));
    }
    let cluster = workspace.cluster();
    let state = workspace.state()?;
    let graph = workspace.wishes(&state)?.graph()?;
    let any = graph.items().first().ok_or_else(|| CliError::failed("nothing is declared"))?;
    let fleet = flow::open_fleet(&workspace.reaches(&state)?, &workspace.location.hosts)?;
    let (script, slots) = (kinds::admin_kubeconfig(), Slots::default());
    let mut answers = Vec::new();
    for host in cluster.control_planes() {
        let request = ActRequest {
            address: &any.address,
            resource: any.resource.as_ref(),
            purpose: Purpose::Apply,
            expect: None,
            act: Some((&script, &slots)),
            effect: None,
            completes: false,
            look_after: false,
            timeout: Duration::from_secs(30),
        };
        match fleet.act(&HostName::new(&host.name), &request).await {
            Ok(ActOutcome::Ran { output, .. }) if output.success() => {
                fleet.close().await;
                return Ok(output.stdout);
            }
            Ok(ActOutcome::Ran { output, .. }) => answers.push(format!("{}: {}", host.name, output.tail(1))),
            Ok(ActOutcome::Stale { .. }) => {}
            Err(error) => answers.push(error.to_string()),
        }
    }
    fleet.close().await;
    Err(CliError::failed(format!("no control plane returned an admin.conf: {}", answers.join("; ")))
        .hint(Hint::from("to create it, run ").run("apply", "")))
}

/// The same kubeconfig with one cluster, user and context named after the cluster.
fn renamed(config: &Value, name: &str, server: &str) -> Result<Value, CliError> {
    let odd = || CliError::failed("admin.conf has an unexpected format: the cluster or the user is missing");
    let mut cluster = config.pointer("/clusters/0/cluster").cloned().ok_or_else(odd)?;
    let user = config.pointer("/users/0/user").cloned().ok_or_else(odd)?;
    cluster["server"] = json!(server);
    let user_name = format!("{name}-admin");
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": name, "cluster": cluster }],
        "users": [{ "name": user_name, "user": user }],
        "contexts": [{ "name": name, "context": { "cluster": name, "user": user_name } }],
        "current-context": name,
    }))
}

fn merge_target() -> Result<PathBuf, CliError> {
    if let Some(first) = std::env::var_os("KUBECONFIG").and_then(|paths| std::env::split_paths(&paths).next())
        && !first.as_os_str().is_empty()
    {
        return Ok(first);
    }
    let home = std::env::home_dir().ok_or_else(|| CliError::failed("no home directory was found; set KUBECONFIG"))?;
    Ok(home.join(".kube").join("config"))
}

/// Replaces the entries of the same name and keeps all others. The file is replaced atomically, with mode 0600.
fn merge(new: &Value, path: &Path) -> Result<(), CliError> {
    let path = &behind_links(path);
    let fail = |error: &dyn std::fmt::Display| CliError::failed(format!("{}: {error}", path.display()));
    let mut all = Value::Null;
    if path.exists() {
        let text = input::read_text(path, input::SETTINGS).map_err(|error| fail(&error))?;
        all = serde_yaml::from_str(&text).map_err(|error| fail(&error))?;
    }
    // An empty file counts as none.
    if all.is_null() {
        all = json!({ "apiVersion": "v1", "kind": "Config" });
    }
    let object = all.as_object_mut().ok_or_else(|| fail(&"not a kubeconfig"))?;
    for list in ["clusters", "users", "contexts"] {
        let added = new[list].as_array().cloned().unwrap_or_default();
        let kept = object.entry(list).or_insert_with(|| json!([]));
        if kept.is_null() {
            *kept = json!([]);
        }
        let kept = kept.as_array_mut().ok_or_else(|| fail(&format!("`{list}` is not a list")))?;
        kept.retain(|entry| added.iter().all(|it| it["name"] != entry["name"]));
        kept.extend(added);
    }
    object.insert("current-context".into(), new["current-context"].clone());
    let parent = path.parent().unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(parent).map_err(|error| fail(&error))?;
    let mut file = tempfile::NamedTempFile::new_in(parent).map_err(|error| fail(&error))?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(|error| fail(&error))?;
    file.write_all(yaml(&all)?.as_bytes()).map_err(|error| fail(&error))?;
    file.persist(path).map_err(|error| fail(&error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_keeps_what_is_of_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        let other =
            "apiVersion: v1\nkind: Config\nclusters: [{name: other, cluster: {server: 'https://x'}}]\nusers: null\n";
        std::fs::write(&path, other).unwrap();
        let admin = json!({ "clusters": [{"cluster": {"server": "https://a"}}], "users": [{"user": {"token": "t"}}] });
        let named = renamed(&admin, "prod", "https://10.0.0.100:8443").unwrap();
        merge(&named, &path).unwrap();
        merge(&named, &path).unwrap();
        let merged: Value = serde_yaml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let clusters: Vec<_> = merged["clusters"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
        assert_eq!(clusters, [json!("other"), json!("prod")]);
        assert_eq!(merged["clusters"][1]["cluster"]["server"], "https://10.0.0.100:8443");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn each_value_is_on_one_line() {
        let key = "QUJD".repeat(500);
        let admin = json!({ "clusters": [{"cluster": {}}], "users": [{"user": {"client-key-data": key}}] });
        let text = yaml(&renamed(&admin, "prod", "https://10.0.0.100:8443").unwrap()).unwrap();
        assert!(text.contains(&format!("client-key-data: {key}\n")), "{text}");
        assert!(text.contains("server: https://10.0.0.100:8443\n"), "{text}");
    }

    #[test]
    fn links_stay_and_an_empty_file_counts_as_none() {
        let dir = tempfile::tempdir().unwrap();
        let (link, file) = (dir.path().join("config"), dir.path().join("elsewhere"));
        std::os::unix::fs::symlink("elsewhere", &link).unwrap();
        let new = json!({ "clusters": [{ "name": "prod" }], "users": [], "contexts": [], "current-context": "prod" });
        for before in [None, Some(""), Some("# nothing\n")] {
            let _ = std::fs::remove_file(&file);
            if let Some(text) = before {
                std::fs::write(&file, text).unwrap();
            }
            merge(&new, &link).unwrap();
            assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
            let merged: Value = serde_yaml::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
            assert_eq!((&merged["kind"], &merged["clusters"]), (&json!("Config"), &new["clusters"]));
        }
    }
}
