//! What the tests share: the built binary as a process, servers, clients by their roles, codes.

#![allow(dead_code, reason = "each suite uses its part")]

pub(crate) mod app;
pub(crate) mod clients;
pub(crate) mod cluster;
pub(crate) mod command;
pub(crate) mod desk;
pub(crate) mod frames;
pub(crate) mod front;
pub(crate) mod gateway;
pub(crate) mod grammar;
pub(crate) mod mail_server;
pub(crate) mod old_apps;
pub(crate) mod peers;
pub(crate) mod port;
pub(crate) mod process;
pub(crate) mod raw;
pub(crate) mod sent;
pub(crate) mod servers;
pub(crate) mod small;
#[path = "../../../src/auth/factor/passkey/testing.rs"]
pub(crate) mod soft_key;
pub(crate) mod tabs;
pub(crate) mod text_provider;
pub(crate) mod totp;
