//! kubeadm's configuration, for every version of it that is in use.

mod api;
mod cluster;
mod components;
mod documents;
mod init;
mod join;
mod node;
#[cfg(test)]
mod tests;

use documents::token;
pub(in crate::stack) use documents::{init_documents, join_document, upload_documents};
pub(in crate::stack) use node::cri_socket;
