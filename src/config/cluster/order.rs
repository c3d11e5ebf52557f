//! The order of the hosts: that of the file means nothing.

use super::{Cluster, Host};

/// The default priority of the first load balancer; the next one has one less.
pub(in crate::config) const FIRST_PRIORITY: u8 = 100;

impl Cluster {
    /// The same cluster with its hosts in an order that the file does not decide: first those whose nodes are `known`, in
    /// that order, then the others by name. Default VRRP priorities follow this order.
    #[must_use]
    pub fn in_order(&self, known: &[String]) -> Self {
        let mut cluster = self.clone();
        let place = |host: &Host| known.iter().position(|node| *node == host.node_name).unwrap_or(known.len());
        cluster.hosts.sort_by_cached_key(|host| (place(host), natural(&host.name)));
        cluster.assign_priorities();
        cluster
    }

    /// Gives each load balancer that has no priority of its own the one of its place, or the next lower one that is free.
    fn assign_priorities(&mut self) {
        let balancers: Vec<String> = self.load_balancers().map(|host| host.name.clone()).collect();
        let written = |host: &&Host| !host.default_priority && balancers.contains(&host.name);
        let mut taken: Vec<u8> = self.hosts.iter().filter(written).map(|host| host.priority).collect();
        let mut priority = FIRST_PRIORITY;
        for host in self.hosts.iter_mut().filter(|host| balancers.contains(&host.name)) {
            if host.default_priority {
                let mut free = priority;
                while taken.contains(&free) && free > 1 {
                    free -= 1;
                }
                host.priority = free;
                taken.push(free);
            }
            priority = priority.saturating_sub(1).max(1);
        }
    }
}

/// Compares names as people do: w2 comes before w10.
fn natural(name: &str) -> Vec<(String, u64)> {
    let mut parts: Vec<(String, u64)> = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (text, digits) = rest.split_at(text);
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let (digits, more) = digits.split_at(end);
        let number = if digits.is_empty() { 0 } else { digits.parse().unwrap_or(u64::MAX) };
        parts.push((text.to_owned(), number));
        rest = more;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::natural;

    #[test]
    fn names_are_in_the_order_of_their_numbers() {
        let mut names = ["w10", "w2", "cp1", "a", "w", "w2b", "w2a10", "w2a9"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["a", "cp1", "w", "w2", "w2a9", "w2a10", "w2b", "w10"]);
    }
}
