//! Real files that every cluster.yaml may refer to, written once for the process.

use std::path::Path;
use std::sync::OnceLock;

use crate::knobs::Manifests;

/// Secrets that may be seen nowhere.
pub(crate) const MARKERS: [&str; 2] = ["zQ9vMark", "Xw7kMark"];

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: net\n  namespace: kube-system\n";

/// Where they lie.
pub(crate) fn manifests() -> &'static Manifests {
    static FILES: OnceLock<Manifests> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("random-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        Manifests {
            password: file("password", MARKERS[0]),
            other_password: file("other-password", MARKERS[1]),
            network: file("net.yaml", CONFIG_MAP),
            other_network: file("other.yaml", &CONFIG_MAP.replace("name: net", "name: other")),
        }
    })
}
