//! What becomes of a cluster.yaml that was carried out, wholly or in part, or refused: a case goes back from one that is
//! refused to those that were tried before it, the last one first.

use crate::cluster::MOVED;
use crate::driver::{HERE, Stage};
use crate::mainstay::Ended;
use crate::operations::Part;
use crate::weather::Weather;

impl Stage {
    /// What is refused is taken back.
    pub(crate) async fn judged(&mut self, part: Part, ended: &Ended) {
        match ended {
            // What was carried out in part stays wished; then it is the guard that is in the way.
            Ended::Refused { why, .. } if why.contains("remove the guard first") && self.is_tried() => {
                self.wanted.guards.clear();
            }
            // What is refused may be the option.
            Ended::Refused { lifted: 0, .. } if !matches!(part, Part::Replace(_)) => self.take_back(),
            // As long as hosts do not answer nobody knows whether it would be refused.
            Ended::Ran(outcome) if outcome.complete() && matches!(part, Part::All) => self.accept(),
            Ended::Nothing if matches!(part, Part::All) && self.is_planned_whole().await => self.accept(),
            // A destroy of another part may make impossible what is only planned.
            Ended::Ran(_) | Ended::Nothing if self.is_planned_whole().await => self.try_out(),
            _ => self.carried_out(ended),
        }
    }

    fn accept(&mut self) {
        self.accepted = self.wanted.clone();
        self.tried.clear();
    }

    fn try_out(&mut self) {
        if !self.is_tried() {
            self.tried.push(self.wanted.clone());
        }
    }

    /// Two that were run with the same cluster.yaml. It is taken back once, and what one of them carried out counts first.
    pub(crate) async fn judged_both(&mut self, first: (Part, &Ended), second: (Part, &Ended)) {
        let wanted = self.wanted.clone();
        let refused = matches!(second.1, Ended::Refused { .. });
        let both = if refused { [first, second] } else { [second, first] };
        for (part, ended) in both {
            if self.wanted == wanted {
                self.judged(part, ended).await;
            }
        }
    }

    /// It was carried out as far as that went, so hosts may be as it says: also where mainstay gave up or died.
    pub(crate) fn carried_out(&mut self, ended: &Ended) {
        let went = matches!(ended, Ended::Ran(_) | Ended::Failed(_) | Ended::Killed);
        if went {
            self.try_out();
        }
    }

    /// Hosts may be as this cluster.yaml says, as far as it was carried out.
    fn is_tried(&self) -> bool {
        self.tried.last() == Some(&self.wanted)
    }

    /// Nothing of what is wished is refused or unknown.
    async fn is_planned_whole(&self) -> bool {
        let plan = self.mainstay(HERE, Weather::default()).plan(&self.wanted.yaml()).await;
        plan.is_ok_and(|plan| plan.counts().problems == 0)
    }

    /// Whether there is something else to go back to.
    pub(crate) fn can_take_back(&self) -> bool {
        self.tried.iter().chain([&self.accepted]).any(|it| *it != self.wanted)
    }

    /// Goes back to what was not refused, but for the hosts' names: records may have followed them.
    pub(crate) fn take_back(&mut self) {
        while self.tried.pop_if(|tried| *tried == self.wanted).is_some() {}
        let tried = self.tried.pop();
        let untried = tried.is_none();
        let mut back = tried.unwrap_or_else(|| self.accepted.clone());
        for host in &mut back.hosts {
            let now = self.wanted.hosts.iter().find(|it| it.machine == host.machine);
            host.at |= now.map_or(0, |it| it.at & MOVED);
            let gone = self.wanted.moved.iter().find(|(from, _)| *from == host.name).map(|(_, to)| to.clone());
            if let Some(name) = now.map(|it| it.name.clone()).or(gone).filter(|name| *name != host.name) {
                host.node.get_or_insert_with(|| host.name.clone());
                host.name = name;
            }
        }
        let is_there = |name: &String| back.hosts.iter().any(|host| host.name == *name);
        back.moved = self.wanted.moved.iter().filter(|(_, to)| is_there(to)).cloned().collect();
        if untried {
            self.accepted = back.clone();
        } else {
            // Until it is refused itself it is what to come back to.
            self.tried.push(back.clone());
        }
        self.wanted = back;
    }
}
