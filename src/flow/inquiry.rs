//! The refresh of `plan`, `apply`, `destroy` and `drift`: declared and recorded resources, and their hosts.

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

/// Declared and recorded resources before the refresh.
#[derive(Debug)]
pub struct Question<'a> {
    mode: Mode,
    cluster: Option<&'a Cluster>,
    /// The state with current names.
    pub followed: Followed<'a>,
    /// The desired state, if there is a cluster.yaml.
    pub wishes: Option<Wishes>,
    blind: Graph,
    chosen: Chosen,
    selection: Selection,
    control_planes: Vec<HostName>,
    guarded: Vec<Pattern>,
    ignored: Vec<Pattern>,
    /// Whether destroy removes unreachable hosts from the state.
    pub forget_unreachable: bool,
}

/// The result of a refresh, from which plans are made.
#[derive(Debug)]
pub struct Inquiry<'a> {
    question: Question<'a>,
    /// The declared resources, with values from host facts.
    pub graph: Graph,
    /// The answers of the hosts.
    pub facts: FactSet,
}

impl<'a> Question<'a> {
    /// Prepares the refresh of a cluster.yaml. `read` reads the files and secrets that it refers to, for example
    /// [`Wishes::gather`].
    ///
    /// # Errors
    /// The selection is invalid, or a file or secret of cluster.yaml cannot be read.
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

    /// Prepares the refresh of the recorded resources.
    ///
    /// # Errors
    /// The selection is invalid.
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

    /// Refreshes the hosts, at most `parallelism` at a time.
    ///
    /// # Errors
    /// The host facts do not fit cluster.yaml.
    pub async fn ask(
        mut self,
        looker: &Looker,
        parallelism: usize,
        listener: &mut (dyn Listener + Send),
    ) -> Result<Inquiry<'a>, FlowError> {
        let state = &self.followed.state;
        let facts = look(looker, &self.blind, state, &self.chosen, &self.control_planes, parallelism, listener).await;
        // Both graphs at once would be the peak of memory.
        self.blind = Graph::default();
        let graph = self.wishes.as_ref().map_or_else(|| Ok(Graph::default()), |wishes| wishes.graph(&facts.hosts))?;
        Ok(Inquiry { question: self, graph, facts })
    }
}

impl<'a> Inquiry<'a> {
    /// The inputs of a plan.
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

    /// Whether every host answered and nothing was left out.
    pub fn is_complete(&self) -> bool {
        !self.question.chosen.is_part() && self.facts.unreached.is_empty()
    }

    /// The inquiry.
    pub fn question(&self) -> &Question<'a> {
        &self.question
    }

    /// The inquiry, without the answers.
    pub fn into_question(self) -> Question<'a> {
        self.question
    }
}
