//! The one inquiry behind `plan`, `apply`, `destroy` and `drift`: what is declared and recorded, asked of the hosts.

use std::collections::BTreeMap;

use super::error::FlowError;
use super::hosts::{control_planes, guarded, ignored, recorded_control_planes, renames};
use super::look::{Listener, look};
use super::wishes::Wishes;
use crate::config::Cluster;
use crate::facts::FactSet;
use crate::fleet::Looker;
use crate::graph::Graph;
use crate::kinds;
use crate::plan::{self, Chosen, Followed, Inputs, Mode, Selection};
use crate::resource::{HostName, Pattern};
use crate::state::State;

/// What is to be compared, before any host was asked.
#[derive(Debug)]
pub struct Question<'a> {
    mode: Mode,
    cluster: Option<&'a Cluster>,
    /// The state, with the records under their present names.
    pub followed: Followed<'a>,
    /// What cluster.yaml declares, where there is one.
    pub wishes: Option<Wishes>,
    blind: Graph,
    chosen: Chosen,
    selection: Selection,
    control_planes: Vec<HostName>,
    guarded: Vec<Pattern>,
    ignored: Vec<Pattern>,
    /// Whether destroy drops the records of hosts that do not answer.
    pub forget_unreachable: bool,
}

/// The answer: all that a plan is made from.
#[derive(Debug)]
pub struct Inquiry<'a> {
    question: Question<'a>,
    /// What is declared, with the values that the hosts' facts decide.
    pub graph: Graph,
    /// What the hosts said.
    pub facts: FactSet,
}

impl<'a> Question<'a> {
    /// Of cluster.yaml. `read` reads what it refers to, for example [`Wishes::gather`].
    ///
    /// # Errors
    /// What was asked makes no sense, or something that cluster.yaml refers to cannot be read.
    pub fn of_cluster(
        mode: Mode,
        cluster: &'a Cluster,
        state: &'a State,
        selection: &Selection,
        read: impl FnOnce(&Cluster, &Followed<'_>) -> Result<Wishes, FlowError>,
    ) -> Result<Self, FlowError> {
        let renames = renames(cluster);
        let followed = plan::follow(state, &renames)?;
        let wishes = read(cluster, &followed)?;
        let blind = wishes.graph(&BTreeMap::new())?;
        plan::check_renames(&renames, &blind)?;
        let control_planes = control_planes(&wishes.cluster, &followed.state);
        let about = Self {
            mode,
            cluster: Some(cluster),
            followed,
            wishes: Some(wishes),
            blind,
            chosen: Chosen::default(),
            selection: selection.clone(),
            control_planes,
            guarded: guarded(cluster),
            ignored: ignored(cluster),
            forget_unreachable: false,
        };
        about.choosing()
    }

    /// Of the state alone.
    ///
    /// # Errors
    /// The selection makes no sense.
    pub fn of_state(state: &'a State, selection: &Selection, guarded: &[Pattern]) -> Result<Self, FlowError> {
        let about = Self {
            mode: Mode::Destroy,
            cluster: None,
            followed: plan::follow(state, &[])?,
            wishes: None,
            blind: Graph::default(),
            chosen: Chosen::default(),
            selection: selection.clone(),
            control_planes: recorded_control_planes(state),
            guarded: guarded.to_vec(),
            ignored: Vec::new(),
            forget_unreachable: false,
        };
        about.choosing()
    }

    fn choosing(mut self) -> Result<Self, FlowError> {
        self.selection.check(self.mode, &self.blind, &self.followed.state)?;
        self.chosen = self.selection.choose(self.mode, &self.blind, &self.followed.state);
        Ok(self)
    }

    /// Asks the hosts, at most `parallelism` at a time.
    ///
    /// # Errors
    /// cluster.yaml cannot be declared on these hosts.
    pub async fn ask(
        self,
        looker: &Looker,
        parallelism: usize,
        listener: &mut (dyn Listener + Send),
    ) -> Result<Inquiry<'a>, FlowError> {
        let state = &self.followed.state;
        let facts = look(looker, &self.blind, state, &self.chosen, &self.control_planes, parallelism, listener).await;
        let graph = self.wishes.as_ref().map_or_else(|| Ok(Graph::default()), |wishes| wishes.graph(&facts.hosts))?;
        Ok(Inquiry { question: self, graph, facts })
    }
}

impl<'a> Inquiry<'a> {
    /// What a plan is made from.
    pub fn inputs(&self) -> Inputs<'_> {
        let Question { followed, control_planes, guarded, ignored, selection, .. } = &self.question;
        Inputs {
            mode: self.question.mode,
            graph: &self.graph,
            state: &followed.state,
            facts: &self.facts,
            decode: &kinds::decode,
            control_planes,
            prevent_destroy: guarded,
            ignore_drift: ignored,
            virtual_ip: self.question.cluster.and_then(|cluster| cluster.endpoint.vip),
            moved: &followed.previous,
            selection,
            forget_unreachable: self.question.forget_unreachable,
        }
    }

    /// Whether every host answered and everything was asked.
    pub fn is_complete(&self) -> bool {
        !self.question.chosen.is_part() && self.facts.unreached.is_empty()
    }

    /// What was asked.
    pub fn question(&self) -> &Question<'a> {
        &self.question
    }

    /// The same, without the answer.
    pub fn into_question(self) -> Question<'a> {
        self.question
    }
}
