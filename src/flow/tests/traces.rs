use crate::auth::time::Timestamp;
use crate::auth::trace::DecisionTrace;
use crate::flow::testing::World;

fn trace(path: &str) -> DecisionTrace {
    DecisionTrace {
        at: Timestamp::from_secs(1_800_000_000),
        host: "erp.example.com".to_owned(),
        method: "GET".to_owned(),
        path: path.to_owned(),
        client_ip: None,
        status: 403,
        decision: "refuse".to_owned(),
        reason: "deny_rule".to_owned(),
        rule: None,
        subject: None,
        risk: None,
        assessed: None,
    }
}

#[tokio::test]
async fn the_first_trace_of_a_request_stays() {
    let world = World::new();
    let traces = world.ports().traces;
    traces.keep("01A", &trace("/mine")).await.unwrap();
    traces.keep("01A", &trace("/theirs")).await.unwrap();
    assert_eq!(traces.load("01A").await.unwrap(), Some(trace("/mine")), "an id is no secret");
    assert_eq!(traces.load("01B").await.unwrap(), None);
}
