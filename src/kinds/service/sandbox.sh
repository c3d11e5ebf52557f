# shellcheck shell=sh disable=SC2154
# Whether new pods could start: the image of their sandbox is there, or can be pulled.
image=$(sed -n 's/^[[:space:]]*sandbox_image = "\(.*\)"$/\1/p' "$READS" | head -n 1)
if [ -z "$image" ] || ! command -v ctr >/dev/null; then exit 0; fi
if ctr -n k8s.io images ls -q | grep -qxF -- "$image"; then exit 0; fi
echo "the sandbox image $image is not on this host and cannot be pulled:" >&2
if command -v crictl >/dev/null; then
    crictl -r unix:///run/containerd/containerd.sock pull "$image" >/dev/null
else
    ctr -n k8s.io images pull "$image" >/dev/null
fi
