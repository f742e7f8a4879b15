//! From JavaScript values to features.

use wasm_bindgen_test::wasm_bindgen_test;

use crate::script::run;

#[wasm_bindgen_test]
async fn values_name_features() {
    run(r#"
        const learner = await open();
        const same = (a, b, what) => {
          // Something learnt about one input is known of another only if they name the same features.
          learner.learnOne(a, 1);
          equal(learner.predictOne(a), learner.predictOne(b), what);
        };
        same({ genres: ["a", "b"], hour: 3 }, { hour: 3, genres: ["b", "a"] }, "order");
        same({ genres: "a" }, { genres: ["a", null, undefined] }, "one of many");
        same({ device: { kind: "phone", big: true } }, { "device.kind": "phone", "device.big": true }, "nested");
        same({ tags: [5, -1] }, { tags: ["5", "-1"] }, "whole numbers in arrays are categories");
        same({ x: "y", a: null, b: undefined, c: false, d: 0, e: [], f: {} }, { x: "y" }, "absent");
        same(Object.assign(Object.create(null), { x: "y" }), { x: "y" }, "no prototype");
        const before = learner.predictOne({ hour: 3 }).score;
        for (let i = 0; i < 4; i++) learner.learnOne({ hour: i % 2 ? 3 : 20 }, i % 2);
        holds(learner.predictOne({ hour: 3 }).score !== before, "numbers are learnt");
        holds(learner.predictOne({ hour: 30 }).score !== learner.predictOne({ hour: 3 }).score, "and have a value");
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_field_that_the_seed_knows_is_read_as_what_it_is() {
    run(r#"
        const learner = await open();
        const same = (a, b, what) => {
          learner.learnOne(a, 1);
          equal(learner.predictOne(a), learner.predictOne(b), what);
        };
        same({ made: { year: 1990 } }, { made: { year: "1990" } }, "a number is its category");
        same({ made: { year: "4.5" } }, { "made.year": 4.5 }, "and a fraction");
        same({ made: { year: false } }, { "made.year": ["false"] }, "and a boolean");
        same({ labels: [7, "x", 0.25] }, { labels: ["0.25", "7", "x"] }, "of many");
        same({ labels: 7 }, { labels: ["7"] }, "one of many");
        same({ weight: "150" }, { weight: 150 }, "a text is its number");
        same({ weight: " 1.5e2" }, { weight: 150 }, "as the core reads it");
        holds(learner.predictOne({ weight: 150 }).score !== learner.predictOne({ weight: 100 }).score, "numbers have a value");
        const prepared = learner.prepare({ weight: 150 });
        equal(learner.predictPrepared(prepared), learner.predictOne({ weight: "150" }).probability, "prepared");
        const { events } = learner.metrics();
        const bad = [
          ["weight", { weight: "heavy" }], ["weight", { weight: "" }], ["weight", { weight: "0x10" }], ["weight", { weight: true }],
          ["weight", { weight: [1] }], ["weight", { weight: { net: 1 } }], ["weight", { weight: 2e6 }], ["weight", { weight: NaN }],
          ["made.year", { made: { year: [1990, 1991] } }], ["made.year", { made: { year: { from: 1990 } } }],
          ["made.year", { made: { year: 0.1 + 0.2 } }], ["made.year", { "made.year": new Date() }],
          ["labels", { labels: [["x"]] }], ["labels", { labels: [true] }],
        ];
        for (const [field, features] of bad) {
          equal(await code(() => learner.predictOne(features)), "bad_value", JSON.stringify(features));
          equal(await code(() => learner.learnOne(features, 1)), "bad_value", JSON.stringify(features));
          equal(await code(() => learner.addItems([{ id: "new", features }])), "bad_value", JSON.stringify(features));
          try { learner.predictOne(features); } catch ({ message }) { holds(message.includes(`\`${field}\``), message); }
        }
        equal([learner.metrics().events, learner.metrics().items], [events, 4], "nothing changed");
        equal(learner.predictOne({ weight: "150" }), learner.predictOne({ weight: 150 }), "and all is known by its name still");
        same({ genres: ["new", "names"], made: { year: 1 } }, { made: { year: "1" }, genres: ["names", "new"] }, "and new ones too");
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn who_is_refused_hears_what_it_was() {
    run(r#"
        const learner = await open();
        const said = async (work) => {
          try { await work(); } catch ({ code, message }) { return `${code}: ${message}`; }
          return "nothing";
        };
        const refused = [
          ["bad_argument", "`genres`", () => learner.addItems([{ id: "7", genres: ["Drama"] }])],
          ["bad_argument", "`feature`", () => learner.addItems([{ id: "7", feature: {} }])],
          ["bad_value", "item 77: the value at `price`", () => learner.addItems([{ id: "6" }, { id: 77, features: { price: 3e6 } }])],
          ["bad_argument", "`K`", () => learner.recommend({ K: 1 })],
          ["bad_argument", "context, k, include, exclude", () => learner.recommend(5)],
          ["bad_value", "`user`", () => learner.learnOne({ user: "premium" }, 1)],
          ["bad_value", "`user`", () => learner.recommend({ context: { user: "free" } })],
          ["bad_argument", "`endPoint`", () => openBare({ bytes: bytes(1), endPoint: "/films" })],
          ["bad_argument", "http://", () => openBare({ url: "http://" })],
          ["bad_argument", "file", () => openBare({ bytes: bytes(1), endpoint: "file:///models/films" })],
          ["bad_argument", "`url`", () => openBare({ url: 5 })],
        ];
        for (const [code, part, work] of refused) {
          const found = await said(work);
          holds(found.startsWith(`${code}: `) && found.includes(part), `${part}: ${found}`);
        }
        equal([learner.metrics().items, learner.metrics().events], [4, 0], "nothing changed");
        const view = bytes(1);
        const { buffer } = view;
        structuredClone(buffer, { transfer: [buffer] });
        for (const gone of [buffer, view]) equal(await code(() => openBare({ bytes: gone })), "bad_base");
        await learner.close();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_number_in_the_catalogue_scores_the_same_whenever_it_was_added() {
    run(r#"
        for (const field of ["weight", "price"]) {
          const scores = [];
          for (const order of [[20, 100, 1000, 30], [1000, 30, 20, 100], [100, 100, 20, 30, 1000, 20, 1000]]) {
            const learner = await open();
            for (let n = 0; n < 40; n++) learner.learnOne({ [field]: 10 + (n % 7) * 20 }, n % 7 < 3);
            for (const x of order) learner.addItems([{ id: `new${x}`, features: { [field]: x } }]);
            const { items } = learner.recommend({ k: 4, exclude: ["1", "2", "3", "4"] });
            scores.push(Object.fromEntries(items.map(({ id, score }) => [id, score])));
          }
          holds(scores[0].new20 !== scores[0].new100, "the number counts");
          equal(scores[1], scores[0], `${field}: another order`);
          equal(scores[2], scores[0], `${field}: added again`);
        }
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn what_is_no_feature_is_an_error() {
    run(r#"
        const learner = await open();
        const cycle = { deeper: {} };
        cycle.deeper.deeper = cycle;
        const bad = {
          nan: { x: NaN }, infinity: { x: Infinity }, huge: { x: 1e300 }, symbol: { x: Symbol("s") },
          function: { x: () => 1 }, date: { x: new Date() }, map: { x: new Map([["a", 1]]) }, typed: { x: new Uint8Array(2) },
          instance: { x: new (class Film {})() }, nested: { x: ["a", ["b"]] }, fraction: { x: [0.5] },
          boolean: { x: [true] }, cycle, many: { x: Array.from({ length: 2000 }, (_, i) => `${i}`) },
        };
        for (const [what, features] of Object.entries(bad)) {
          equal(await code(() => learner.predictOne(features)), "bad_value", what);
          equal(await code(() => learner.learnOne(features, 1)), "bad_value", what);
          equal(await code(() => learner.recommend({ context: features })), "bad_value", what);
          equal(await code(() => learner.addItems([{ id: "new", features }])), "bad_value", what);
        }
        for (const features of [[], "text", 3, true, 1n, () => ({}), new Map()]) {
          equal(await code(() => learner.predictOne(features)), "bad_value", String(features));
        }
        try { learner.predictOne({ ctx: { device: { age: NaN } } }); } catch ({ message }) {
          holds(message.includes("ctx.device.age"), message);
        }
        equal([learner.metrics().events, learner.metrics().items], [0, 4], "nothing changed");
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_prepared_input_goes_by_an_integer() {
    run(r#"
        const learner = await open();
        const [film, other] = [{ genres: ["Sci-Fi"], price: 3 }, { genres: ["Romance"] }];
        const [a, b] = [learner.prepare(film), learner.prepare(other)];
        holds(a !== b, "two inputs, two integers");
        equal(learner.predictPrepared(a), learner.predictOne(film).probability, "predicted");
        const before = learner.predictPrepared(b);
        equal(learner.learnPrepared(b, 1), before, "what was predicted before");
        holds(learner.predictPrepared(b) > before, "it learns");
        equal(learner.metrics().events, 1, "an event like any other");
        equal(learner.predictPrepared(b), learner.predictOne(other).probability, "and for the input as it is too");
        for (const bad of [-1, 0.5, 2, NaN, undefined, 1e300]) {
          equal(await code(() => learner.predictPrepared(bad)), "bad_argument", `predict ${bad}`);
          equal(await code(() => learner.learnPrepared(bad, 1)), "bad_argument", `learn ${bad}`);
        }
        equal(await code(() => learner.learnPrepared(a, 2)), "bad_label", "target");
        equal(await code(() => learner.learnPrepared(a, undefined)), "bad_label", "no target");
        equal(await code(() => learner.prepare({ x: NaN })), "bad_value", "features");
        await learner.close();
        equal(await code(() => learner.predictPrepared(a)), "closed");
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn more_names_than_are_remembered_are_named_again() {
    run(r#"
        const learner = await open();
        learner.learnOne({ x: "first" }, 1);
        const before = learner.predictOne({ x: "first" }).score;
        for (let i = 0; i < 70; i++) learner.predictOne({ many: Array.from({ length: 1000 }, (_, n) => `${i}-${n}`) });
        equal(learner.predictOne({ x: "first" }).score, before, "known by its name");
    "#)
    .await;
}
