//! A network model in JSON or YAML: what can be read is written the same, and is refused with a reason
//! or compiled and rendered.
#![no_main]

use blockhouse_netfilter::{Flow, Load, Model, Packet, Payload, Plan, Subnets, Verdict, classify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let of_yaml = std::str::from_utf8(bytes).ok().map(Model::from_yaml);
    let models = [of_yaml.and_then(Result::ok), Model::from_json(bytes).ok()];
    for model in models.into_iter().flatten() {
        let json = serde_json::to_vec(&model).expect("a model is written");
        assert_eq!(Model::from_json(&json).expect("and read"), model);
        match model.check() {
            Ok(checked) => {
                checked.compile().iter().for_each(render);
                checked.model().vpcs.iter().for_each(|vpc| drop(Subnets::of(vpc)));
            }
            Err(faults) => assert!(!faults.is_empty() && !faults[0].to_string().is_empty()),
        }
    }
});

fn render(plan: &Plan) {
    let (skeleton, rules) = (plan.skeleton(|_| false), plan.rules(usize::MAX));
    assert!(skeleton["nftables"].is_array() && rules["nftables"].is_array());
    assert_eq!(plan.leftovers(plan), None);
    for listener in &plan.listeners {
        let address = listener.address.ip();
        // The node's own address is nobody's source.
        let packet = Packet::Ip {
            source: address,
            destination: address,
            is_fragment: false,
            payload: Payload::Tcp {
                port: listener.address.port(),
                is_opening: true,
            },
        };
        let (link, load) = (listener.link.clone(), Load::default());
        let verdict = classify(plan, &Flow { link, packet, load });
        assert!(matches!(verdict, Verdict::Drop(_)));
    }
}
