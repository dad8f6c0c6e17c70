//! Proofs for one request, raced over two nodes on one Redis.

use futures_util::future::join_all;
use serde_json::json;

use crate::races::{WIDE, rounds};
use crate::support::app::App;
use crate::support::cluster::Cluster;
use crate::support::totp;

const API: &str = "/.stepgate/api/v1";
const TAKERS: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_use_a_slip_at_once_over_two_nodes_the_app_sees_one() {
    let app = App::start().await;
    let cluster = Cluster::before(app.address, WIDE).await;
    let http = reqwest::Client::builder().no_proxy().resolve("localhost", ([127, 0, 0, 1], 0).into());
    let http = http.pool_max_idle_per_host(TAKERS).build().unwrap();
    let mut codes: Vec<String> = Vec::new();
    let mut script = None;
    for round in 0..rounds() {
        if codes.is_empty() {
            let person = cluster.person(&format!("racer{round}"));
            let mut fresh = person.script(&cluster.nodes[0], totp::step_now()).await;
            let made = fresh.post_json(&format!("{API}/backup-codes"), &json!({})).await.json();
            codes = made["backup_codes"].as_array().unwrap().iter().map(|c| c.as_str().unwrap().to_owned()).collect();
            script = Some(fresh);
        }
        let script = script.as_mut().unwrap();
        let target = format!("/once/{round}");
        let wish = json!({
            "method": "backup_code",
            "code": codes.pop().unwrap(),
            "for": { "method": "GET", "url": target },
        });
        let risen = script.post_json(&format!("{API}/elevate"), &wish).await.json();
        let slip = risen["slip"].as_str().unwrap_or_else(|| panic!("{risen}")).to_owned();
        let token = risen["access_token"].as_str().unwrap().to_owned();
        script.token = Some(token.clone());
        let take = async |n: usize| {
            let request = http.get(format!("{}{target}", cluster.nodes[n % 2].url)).bearer_auth(&token);
            let answer = request.header("stepgate-slip", &slip).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        let answers = join_all((0..TAKERS).map(take)).await;
        let passed = answers.iter().filter(|(status, _)| *status == 200).count();
        let challenged = |(status, body): &&(u16, String)| *status == 401 && body.contains("\"reason\":\"once\"");
        assert_eq!((passed, answers.iter().filter(challenged).count()), (1, TAKERS - 1), "round {round}");
        let heard = app.heard();
        let seen: Vec<_> = heard.iter().filter(|head| head.starts_with(&format!("GET {target} "))).collect();
        assert!(seen.len() == 1 && !seen[0].contains("sgo_"), "round {round}: {seen:?}");
    }
}
