# mainstay plan --format json >plan.json; terraform-compliance --planfile plan.json --features examples/policy/terraform-compliance
Feature: What every plan must hold to

  Scenario: The configuration of containerd belongs to root
    Given I have file defined
    When its index is /etc/containerd/config.toml
    Then it must contain owner
    And its value must be root:root

  Scenario: kubelet is not upgraded by accident
    Given I have package defined
    When its index is kubelet
    Then it must contain held
    And its value must be true

  Scenario: The kernel never promises more memory than it has
    Given I have sysctl defined
    When its index is vm.overcommit_memory
    Then it must contain value
    And its value must not be 1
