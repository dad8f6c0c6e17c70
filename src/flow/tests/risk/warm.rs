//! What comparing costs a request that comes from where its session was opened: nothing is looked up, and nothing allocated.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;

#[test]
fn an_unchanged_request_allocates_nothing_and_asks_no_store() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let world = world();
    world.person("bob");
    let flows = flows(&world, Mode::Enforce);
    let open = runtime.block_on(usual(&world, &flows, "bob"));
    let home = Client { device: open.device.clone(), ..at(HOME) };
    let now = flows.now();
    let compared = |seen: &Client, is_safe| {
        let mut risk = None;
        let counted = allocation_counter::measure(|| {
            let future = pin!(flows.risk_of(&open.session, seen, is_safe, now));
            if let Poll::Ready(answer) = future.poll(&mut Context::from_waker(Waker::noop())) {
                risk = answer.ok().map(|answer| answer.risk);
            }
        });
        (counted.count_total, risk.unwrap())
    };
    // Any call of a store would fail.
    world.fail(1, Blow::Before);
    for is_safe in [true, false] {
        let (allocations, risk) = compared(&home, is_safe);
        assert!(risk.changed.is_nothing() && risk.level == RiskLevel::Low);
        assert_eq!(allocations, 0);
    }
    assert_eq!(world.calls(), 0);
    assert!(compared(&at(AWAY), true).0 > 0, "what changed is looked at");
}
