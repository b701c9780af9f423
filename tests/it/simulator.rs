//! The simulator against Square's contract, over HTTP.

mod access;
mod bulk;
mod events;
mod faults;
mod keys;
mod lag;
mod pages;
mod retries;
mod search;
mod seller;
mod support;
mod webhooks;
mod writes;
