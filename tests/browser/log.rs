//! The event log: what it holds, how long it lives, and that it says what happened to the last bit.

use brooklet_core::{Base, Learner, Record, Value};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::script::run;
use crate::seed::seed;

/// Replays a log over the seeds that it was made with, and compares every score. Returns how many there were.
fn replay(text: &str) -> usize {
    let mut learner = None;
    let mut predictions = 0;
    for line in text.lines() {
        let record = Record::from_value(&Value::parse(line).unwrap()).unwrap();
        if let Record::Opened { version, base, profile, config, .. } = &record {
            let seed = Base::decode(&seed(*version)[..]).unwrap();
            assert_eq!(*base, seed.digest());
            learner = Some(Learner::restore(seed, config.clone().unwrap(), profile).unwrap());
        }
        let learner: &mut Learner = learner.as_mut().expect("a log begins with `opened`");
        let scores: Vec<u32> = learner.replay(&record).unwrap().into_iter().map(f32::to_bits).collect();
        let logged: Vec<u32> = match &record {
            Record::Shown { items, .. } => items.iter().map(|scored| scored.score.to_bits()).collect(),
            Record::Held { scored, .. } | Record::Learnt { scored, .. } => vec![scored.score.to_bits()],
            _ => Vec::new(),
        };
        assert_eq!(scores, logged, "{line}");
        predictions += scores.len();
    }
    predictions
}

#[wasm_bindgen_test]
async fn what_happens_is_logged_in_order() {
    run(r#"
        const learner = await open({ log: 1000 });
        const slate = learner.recommend({ context: { device: "phone" }, k: 2 });
        learner.click(slate, slate.items[1].id);
        learner.label(slate, slate.items[0].id, 0.5, 2);
        const held = learner.hold({ item: "3", age: 30 });
        learner.learnOne({ item: "1" }, 0);
        learner.learnPair({ item: "2" }, { item: "3" });
        learner.labelHeld(held, true);
        equal(learner.click(slate, slate.items[1].id), null);
        learner.predictOne({ item: "1", genres: ["Drama"] });

        const text = learner.exportLog();
        holds(text.endsWith("}\n"), "every line ends");
        const records = text.trimEnd().split("\n").map((line) => JSON.parse(line));
        const happened = records.filter(({ type }) => type !== "named");
        equal(happened.map(({ type }) => type),
          ["opened", "shown", "labelled", "labelled", "held", "learnt", "preferred", "labelled"]);
        const [opened, shown, click, label, asked] = happened;
        equal([opened.format, opened.model, opened.version], [2, "films", 1]);
        equal([opened.config.model.visitor, opened.config.exploration, opened.config.maxPending], ["closed-form", "none", 32]);
        equal(shown.items.map(({ item, score, propensity }) => [item, score, propensity]),
          slate.items.map(({ id, score, propensity }) => [id, score, propensity]));
        equal([shown.slate, click.item, click.target, click.weight], [Number(slate.id), slate.items[1].id, 1, 1]);
        equal([label.item, label.target, label.weight], [slate.items[0].id, 0.5, 2]);
        equal([asked.id, asked.score, asked.private.length], [Number(held.id), held.score, 1]);
        const late = happened.at(-1);
        equal([late.held, late.item, late.target], [Number(held.id), undefined, 1]);

        // Every feature is named before it is used, and once.
        const names = new Map();
        for (const record of records) {
          if (record.type === "named") {
            holds(!names.has(record.id), "named once");
            names.set(record.id, record.name);
          }
          for (const { shared = [], private: own = [] } of [record, ...record.items ?? []]) {
            for (const [id] of [...shared, ...own]) holds(names.has(id), `${id} has a name`);
          }
        }
        for (const name of ["device=phone", "genres=Sci-Fi", "item=3", "age"]) holds([...names.values()].includes(name), name);
        await learner.close();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn there_is_no_log_unless_it_is_asked_for() {
    run(r#"
        const store = fresh();
        for (const log of [undefined, null, 0]) {
          const learner = await open({ store, log });
          learner.learnOne({ item: "1" }, 1);
          equal(learner.exportLog(), "");
          await learner.close();
          equal(await code(() => learner.exportLog()), "closed");
        }
        equal(await kept(store), undefined);
        for (const log of [-1, 1.5, "10", Infinity]) equal(await code(() => open({ log })), "bad_argument");
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_log_is_bounded_and_can_be_replayed_from_where_it_begins() {
    let text = run(r#"
        const learner = await open({ log: 20, exploration: "thompson" });
        const records = () => learner.exportLog().trimEnd().split("\n").filter((line) => !line.includes('"named"'));
        for (let i = 0; i < 60; i++) {
          const slate = learner.recommend({ context: { hour: i }, k: 2 });
          learner.click(slate, slate.items[i % 2].id);
          holds(records().length <= 20 && JSON.parse(records()[0]).type === "opened", `${records().length} records`);
        }
        holds(records().length >= 10, "the latest half is there");
        holds(learner.exportLog().includes('"genres=Sci-Fi"'), "names are told again");
        // Too small for anything, but no harm is done.
        const tiny = await open({ log: 1 });
        tiny.learnOne({ item: "1" }, 1);
        equal(tiny.exportLog().trimEnd().split("\n").length, 1);
        const text = learner.exportLog();
        await Promise.all([learner.close(), tiny.close()]);
        return text;
    "#)
    .await;
    assert!(replay(&text.as_string().unwrap()) > 8);
}

#[wasm_bindgen_test]
async fn a_log_survives_a_reload_and_is_removed_by_a_reset() {
    run(r#"
        const store = fresh();
        const types = (text) => text.trimEnd().split("\n").map((line) => JSON.parse(line).type).filter((type) => type !== "named");
        const first = await open({ store, log: 100 });
        first.learnOne({ item: "1" }, 1);
        await first.close();
        const second = await open({ store, log: 100 });
        equal(types(second.exportLog()), ["opened", "learnt", "opened"]);
        second.learnOne({ item: "1" }, 0);
        await second.save();
        equal(await kept(store), second.exportLog());
        equal(types(second.exportLog()), ["opened", "learnt", "opened", "learnt"]);
        // Another model has another log.
        const other = await open({ store, log: 100, bytes: bytes(1, "books") });
        equal(types(other.exportLog()), ["opened"]);
        await other.close();

        const sleeper = await open({ store, log: 100 });
        sleeper.learnOne({ item: "2" }, 1);
        await second.reset();
        equal(types(second.exportLog()), ["opened"]);
        equal(types(await kept(store)), ["opened"]);
        await sleeper.save();
        holds(!types(sleeper.exportLog()).includes("learnt"), "what was logged before a reset does not come back");
        await Promise.all([second.close(), sleeper.close()]);

        // A page that keeps no log removes it as well.
        const plain = await open({ store });
        plain.learnOne({ item: "1" }, 1);
        await plain.save();
        holds(await kept(store), "only a reset removes it");
        await plain.reset();
        equal(await kept(store), undefined);
        await plain.close();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn what_was_exported_replays_to_the_same_bits() {
    let text = run(r#"
        const store = fresh();
        const { restore } = endpoint(({ method, headers }) =>
          headers["if-none-match"] === '"v2"' ? { status: 304 }
            : method === "GET" ? { body: bytes(2), headers: { etag: '"v2"' } }
            : { body: { acknowledged: 1, repeat: false, version: 2 } });
        const options = { store, log: 1000, exploration: "thompson", endpoint: "/films", syncSeconds: 1000, syncEvents: 1000 };
        const live = (learner, n) => {
          for (let i = 0; i < n; i++) {
            const slate = learner.recommend({ context: { hour: i * 1.7, device: i % 2 ? "phone" : "desk" }, k: 3 });
            const held = learner.hold({ item: `${i % 4}`, age: 20 + i });
            learner.learnOne({ item: `${i % 5}`, genres: ["Sci-Fi", "Drama"], age: i / 3 }, i % 3 / 2, 0.7);
            learner.learnPair({ item: "1" }, { item: "3" }, 0.1);
            learner.click(slate, slate.items[i % 3].id);
            learner.labelHeld(held, i % 2);
            learner.skip(slate, slate.items[(i + 1) % 3].id);
          }
        };
        const a = await open(options);
        live(a, 8);
        equal((await a.sync()).pulled, true);
        live(a, 4);
        await a.save();
        const b = await open(options);
        live(b, 3);
        live(a, 3);
        // Whoever saves second moves onto what the first learnt: neither loses a record.
        await Promise.all([a.save(), b.save()]);
        live(b, 2);
        await b.save();
        const text = b.exportLog();
        const count = (type) => text.split(`{"type":"${type}"`).length - 1;
        equal([count("shown"), count("held"), count("learnt"), count("labelled")], [20, 20, 20, 60]);
        await Promise.all([a.close(), b.close()]);
        restore();
        return text;
    "#)
    .await;
    assert_eq!(replay(&text.as_string().unwrap()), 20 * (3 + 1 + 1));
}

#[wasm_bindgen_test]
async fn a_log_replays_to_the_same_bits_whatever_the_page_set() {
    // Settings were not in the log: only that of a page with the default ones was replayed as it had happened.
    let pages = [
        r#"{ shadows: [{ visitor: "diagonal", feedback: "pairwise" }, { visitor: "rate", rateFactor: 2 }] }"#,
        r#"{ model: { visitor: "rate", rates: { private: 0.7, shared: 0.03, delta: 0.1 }, maxRows: 100 } }"#,
        r#"{ model: { feedback: "pairwise", forgetting: 0.1, calibrate: false }, exploration: { epsilon: 0.3 }, seed: 2n ** 63n }"#,
        r#"{ gate: null, drift: { detector: "page-hinkley", threshold: 0.1, policy: { pull: 0.5 } }, maxPending: 3 }"#,
        r#"{ gate: 0, drift: { delta: 0.9, policy: { boost: 0.1, events: 5 } } }"#,
    ];
    for page in pages {
        let script = r#"
            const learner = await open({ log: 1000, ...PAGE });
            for (let i = 0; i < 30; i++) {
              const slate = learner.recommend({ context: { hour: i * 1.7 }, k: 3 });
              learner.click(slate, slate.items[i % 3].id);
              learner.skip(slate, slate.items[(i + 1) % 3].id);
              const held = learner.hold({ item: `${i % 4}`, age: 20 + i });
              learner.labelHeld(held, i % 2);
            }
            const text = learner.exportLog();
            await learner.close();
            return text;
        "#;
        let text = run(&script.replace("PAGE", page)).await;
        assert_eq!(replay(&text.as_string().unwrap()), 30 * 4, "{page}");
    }
}
