# Denies the deletion of etcd members.
#
#   mainstay plan --out prod.plan
#   mainstay show --json prod.plan > plan.json
#   conftest test --policy examples/policy plan.json
package main

import rego.v1

deny contains msg if {
	some resource in input.resource_changes
	"delete" in resource.change.actions
	is_etcd_member(resource)
	msg := sprintf("%s: an etcd member must not be deleted (%s)", [resource.address, concat(", ", resource.change.actions)])
}

is_etcd_member(resource) if resource.type == "etcd_member"

# Every control plane runs an etcd member.
is_etcd_member(resource) if {
	resource.name == "control-plane"
	resource.type in {"member"}
}
