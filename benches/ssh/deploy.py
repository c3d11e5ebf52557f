# The checks of checks.json, for pyinfra.
import json

from pyinfra import host
from pyinfra.facts.server import Command
from pyinfra.operations import apt, files, server, systemd

with open("checks.json") as file:
    wanted = json.load(file)

# server.modprobe wants /proc/modules, which a kernel without loadable modules lacks.
for module in wanted["modules"]:
    if host.get_fact(Command, f"modprobe -n -q {module} && echo there") != "there":
        raise SystemExit(f"no module {module}")
for name, value in wanted["sysctls"].items():
    parts = [int(part) if part.isdigit() else part for part in value.split()]
    server.sysctl(key=name, value=parts if len(parts) > 1 else parts[0])
for packages in wanted["packages"]:
    apt.packages(packages=packages)
for item in wanted["files"]:
    files.put(src=f"files/{host.name}/{item['src']}", **{key: item[key] for key in ("dest", "mode", "user", "group")})
for service in wanted["services"]:
    systemd.service(service=service, running=True, enabled=True)
