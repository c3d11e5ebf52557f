// Written by UPDATE=1; see CONTRIBUTING.md.
edit!(haproxy_maxconn);
edit!(keys_reordered);
edit!(label_of_worker);
edit!(pod_subnet);
edit!(sysctl_added);
