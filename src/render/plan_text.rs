//! stub
use crate::plan::Plan;
use std::time::Duration;
/// stub
pub struct PlanText<'a> {
    /// t
    pub took: Duration,
    /// f
    pub file: &'a str,
    /// l
    pub line_of: &'a dyn Fn(&str) -> Option<u32>,
    /// f
    pub full: bool,
    /// w
    pub width: usize,
    /// c
    pub color: bool,
}
impl PlanText<'_> {
    /// r
    pub fn render(&self, plan: &Plan) -> String {
        let mut s = String::new();
        for c in &plan.changes {
            if c.action != crate::resource::Action::NoOp || c.problem.is_some() {
                s += &format!(
                    "{} {} {:?} {:?} {:?}\n",
                    c.action.symbol(),
                    c.address,
                    c.reasons,
                    c.problem,
                    c.fields
                        .iter()
                        .map(|f| (
                            f.field.clone(),
                            f.before.chars().take(60).collect::<String>(),
                            f.after.chars().take(60).collect::<String>()
                        ))
                        .collect::<Vec<_>>()
                );
            }
        }
        let c = plan.counts();
        if plan.is_empty() {
            s += "No changes. The hosts match cluster.yaml.\n"
        } else {
            s += &format!("Plan: {} to add, {} to change, {} to destroy.\n", c.add, c.change, c.destroy)
        }
        s
    }
}
/// j
pub fn plan_json(_p: &Plan) -> Vec<serde_json::Value> {
    vec![]
}
