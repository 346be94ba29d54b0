//! The contract's newer state over HTTP.

use serde_json::{Value, json};

use super::{
    START, alice, bob, open,
    web::{Served, serve},
};
use crate::{ContractCode, DevnetArgs, Dispute, Schedule, Stream, http::bodies};
use flowfi_domain::StreamId;

async fn served() -> Served {
    let args = DevnetArgs { contract_code: ContractCode::B, fee_bps: 0, ..DevnetArgs::by_hand() };
    serve(open(&args).0, bodies::DEADLINE).await
}

/// Creations of each kind, in the order of their numbers; the batch has two.
fn creations() -> [Value; 7] {
    let body = |creator: &str, terms: Value| {
        let mut body = json!({ "creator": creator, "sender": alice(), "recipient": bob() });
        body.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
        body
    };
    [
        body("linear", json!({ "amount": "1000", "duration": 100 })),
        body("cliff", json!({ "amount": "1000", "duration": 100, "cliffDuration": 40 })),
        body(
            "step",
            json!({ "amount": "1000", "steps": [
                { "unlockTime": START + 10, "unlockAmount": "400" },
                { "unlockTime": (START + 20).to_string(), "unlockAmount": 600 },
            ] }),
        ),
        body(
            "hybrid",
            json!({ "amount": "1000", "cliffTime": START + 50, "cliffAmount": "100", "linearDuration": 90 }),
        ),
        body(
            "conditional",
            json!({ "amount": "1000", "milestones": [
                { "milestoneId": 7, "amount": "300", "time": START },
                { "milestoneId": 8, "amount": "300", "oracle": bob(), "price": "50", "isAbove": true },
                { "milestoneId": 9, "amount": "400", "oracle": bob(), "attestationId": "ab".repeat(32) },
            ] }),
        ),
        body("allowance", json!({ "duration": 100 })),
        body(
            "batch",
            json!({ "streams": [
                { "recipient": bob(), "amount": "1000", "duration": 100 },
                { "recipient": alice(), "amount": "1000", "duration": 100, "cliffDuration": 5 },
            ] }),
        ),
    ]
}

async fn with_streams() -> Served {
    let served = served().await;
    for body in creations() {
        let created = served.post_and_close("/devnet/streams", &body).await;
        assert_eq!(created.status, 201, "{body}: {}", created.body);
    }
    served
}

fn stream(served: &Served, id: u64) -> Stream {
    served.devnet.stored_stream(&served.devnet.contract_id(), StreamId(id)).unwrap()
}

#[tokio::test]
async fn every_creator_is_named_in_the_body_and_stores_its_schedule() {
    let served = served().await;
    let mut answers = Vec::new();
    for body in creations() {
        answers.push(served.post_and_close("/devnet/streams", &body).await.json());
    }
    let told: Vec<_> = answers.iter().map(|answer| (&answer["streamId"], &answer["ratePerSecond"])).collect();
    let expected = [("1", "10"), ("2", "10"), ("3", "0"), ("4", "10"), ("5", "0"), ("6", "1"), ("8", "10")];
    let expected = expected.map(|(id, rate)| (json!(id), json!(rate)));
    assert_eq!(told, expected.iter().map(|(id, rate)| (id, rate)).collect::<Vec<_>>());
    assert_eq!(answers[6]["streamIds"], json!(["7", "8"]));
    let start = u64::try_from(START).unwrap();
    assert_eq!(stream(&served, 2).cliff_time, Some(start + 40));
    assert!(matches!(stream(&served, 4).schedule, Schedule::HybridCliffLinear { .. }));
    assert!(stream(&served, 6).is_allowance_based);
    assert_eq!((stream(&served, 7).cliff_time, stream(&served, 8).cliff_time), (None, Some(start + 5)));
    let claimable = |id, seconds| stream(&served, id).claimable(start + seconds);
    assert_eq!([claimable(3, 9), claimable(3, 10), claimable(3, 20)], [0, 400, 1_000]);
    assert_eq!([claimable(4, 49), claimable(4, 50), claimable(4, 51)], [0, 100, 110]);
    assert_eq!([claimable(2, 39), claimable(2, 40)], [0, 400]);
}

#[tokio::test]
async fn every_action_of_the_newer_state_is_taken() {
    let served = with_streams().await;
    for (path, body) in [
        ("streams/5/unlock", json!({ "milestoneId": 7 })),
        ("streams/5/unlock", json!({ "milestoneId": 8, "price": "50" })),
        ("streams/5/unlock", json!({ "milestoneId": 9, "caller": bob() })),
        ("batch-withdraw", json!({ "recipient": bob(), "streamIds": ["5", 3] })),
        ("streams/1/modify-rate", json!({ "ratePerSecond": "20" })),
        ("streams/1/transfer", json!({ "newRecipient": alice() })),
        ("streams/1/extend-ttl", json!({})),
        ("streams/1/set-arbiter", json!({ "arbiter": bob() })),
        ("streams/1/request-dispute", json!({})),
        ("streams/1/resolve-dispute", json!({ "approved": true })),
        ("streams/1/close", json!({})),
        ("protocol/guardian", json!({ "guardian": bob() })),
        ("protocol/pause", json!({ "caller": bob() })),
        ("protocol/unpause", json!({})),
        ("protocol/fee", json!({ "treasury": bob(), "feeRateBps": 10 })),
        ("protocol/admin", json!({ "newAdmin": alice() })),
        ("protocol/upgrade", json!({ "wasm": "0a".repeat(32) })),
        ("protocol/migrate", json!({ "version": 2 })),
    ] {
        let answer = served.post_and_close(&format!("/devnet/{path}"), &body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    }
    assert_eq!(served.devnet.stored_stream(&served.devnet.contract_id(), StreamId(1)), None);
    let paid = stream(&served, 5);
    assert_eq!((paid.withdrawn, paid.is_active, paid.dispute), (1_000, false, Dispute::None));
    served.devnet.check_balances().unwrap();
}

#[tokio::test]
async fn what_the_contract_refuses_is_told_with_its_number() {
    let served = with_streams().await;
    let mut mismatch = creations()[2].clone();
    mismatch["steps"][0]["unlockAmount"] = json!("1");
    for (path, body, status, code) in [
        ("streams", &mismatch, 422, 20),
        ("streams/3/top-up", &json!({ "amount": "5" }), 409, 27),
        ("streams/3/modify-rate", &json!({ "ratePerSecond": "5" }), 409, 28),
        ("streams/5/unlock", &json!({ "milestoneId": 8 }), 409, 38),
        ("streams/1/request-dispute", &json!({}), 409, 30),
        ("streams/1/close", &json!({}), 409, 36),
        ("protocol/pause", &json!({ "caller": bob() }), 409, 24),
        ("protocol/migrate", &json!({ "version": 3 }), 422, 25),
    ] {
        let answer = served.post_and_close(&format!("/devnet/{path}"), body).await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_field_of_a_creator_that_is_wrong_is_named() {
    let served = served().await;
    let [_, cliff, step, hybrid, conditional, ..] = creations();
    for (body, name, value, parameter) in [
        (&cliff, "creator", json!("vesting"), "creator"),
        (&cliff, "cliffDuration", Value::Null, "cliffDuration"),
        (&step, "steps", json!({}), "steps"),
        (&step, "steps", json!([{ "unlockTime": 5 }]), "unlockAmount"),
        (&hybrid, "cliffTime", json!("soon"), "cliffTime"),
        (&conditional, "milestones", json!([{ "milestoneId": 1, "amount": "5" }]), "milestones"),
        (&conditional, "milestones", json!([{ "amount": "5", "price": "5" }]), "isAbove"),
        (&conditional, "milestones", json!([{ "attestationId": "ab" }]), "attestationId"),
    ] {
        let mut body = body.clone();
        body[name] = value;
        let refused = served.post_refused("/devnet/streams", &body).await;
        assert_eq!((refused.status, &refused.json()["parameter"]), (400, &json!(parameter)), "{}", refused.body);
    }
    assert_eq!(served.post_refused("/devnet/streams/1/freeze", &json!({})).await.status, 404);
    assert_eq!(served.post_refused("/devnet/protocol/freeze", &json!({})).await.status, 404);
}

#[tokio::test]
async fn the_older_contract_refuses_the_newer_calls_until_it_is_upgraded() {
    let served = serve(super::by_hand().0, bodies::DEADLINE).await;
    let cliff = &creations()[1];
    let refused = served.post_and_close("/devnet/streams", cliff).await;
    assert_eq!((refused.status, refused.json().get("code")), (409, None), "{}", refused.body);
    assert!(refused.body.contains("older code"), "{}", refused.body);
    let upgraded = served.post_and_close("/devnet/upgrade", &json!({ "code": "b" })).await;
    assert_eq!(upgraded.json()["events"].as_array().unwrap().len(), 1, "the host's alone");
    assert_eq!(served.post_and_close("/devnet/streams", cliff).await.status, 201);
    assert_eq!(served.post_and_close("/devnet/upgrade", &json!({ "code": "a" })).await.status, 409);
    assert_eq!(served.post_refused("/devnet/upgrade", &json!({ "code": "c" })).await.json()["parameter"], "code");
}
