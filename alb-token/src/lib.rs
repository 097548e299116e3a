//! Tokens as an AWS Application Load Balancer signs them, for tests and demos.

pub mod mint;
