//! What an HA cluster is made of.
