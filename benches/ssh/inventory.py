# The lab's hosts, for pyinfra.
import json

with open("checks.json") as file:
    wanted = json.load(file)

hosts = [
    (
        name,
        {
            "ssh_hostname": address,
            "ssh_user": "root",
            "ssh_key": wanted["key"],
            "ssh_known_hosts_file": wanted["known_hosts"],
            "ssh_strict_host_key_checking": "yes",
            "ssh_look_for_keys": False,
            "ssh_allow_agent": False,
        },
    )
    for name, address in wanted["hosts"]
]
