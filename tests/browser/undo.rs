//! Taking a click back.

use wasm_bindgen_test::wasm_bindgen_test;

use crate::script::run;

#[wasm_bindgen_test]
async fn a_click_that_is_taken_back_was_none() {
    run(r#"
        const learner = await open();
        learner.learnOne({ genres: ["Romance"] }, 1);
        const slate = learner.recommend({ k: 3 });
        const [first, second] = slate.items.map(({ id }) => id);
        const scores = () => learner.recommend({ k: 4 }).items.map(({ score }) => score);
        const near = (a, b) => a.every((score, i) => Math.abs(score - b[i]) < 1e-3);
        const [before, { slates, unsent }] = [scores(), learner.metrics()];

        learner.click(slate, first);
        holds(!near(scores(), before), "a click teaches");
        equal(learner.undo(slate, first), { sent: false });
        holds(near(scores(), before), "and what it taught is gone");
        equal([learner.metrics().slates, learner.metrics().unsent], [slates, unsent]);
        equal(learner.undo(slate.id, first), null, "there is no label any more");
        equal(learner.undo(slate, second), null, "and here was none");
        learner.skip(slate, first);
        equal(learner.undo(slate, first), { sent: false }, "a skip, too");
        holds(learner.click(slate, first) !== null, "it can be labelled again");

        equal(await code(() => learner.undo(slate, "no item")), "unknown_item");
        equal(await code(() => learner.undo("1", first)), "unknown_slate");
        equal(await code(() => learner.undo(slate)), "bad_argument");
        const pairs = await open({ model: { feedback: "pairwise" } });
        const other = pairs.recommend({ k: 2 });
        pairs.click(other, other.items[0].id);
        equal(await code(() => pairs.undo(other, other.items[0].id)), "cannot_undo");
        await learner.close();
        equal(await code(() => learner.undo(slate, first)), "closed");
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn what_is_taken_back_before_it_is_sent_is_not_sent() {
    run(r#"
        const taken = [];
        const { restore } = endpoint(({ method, body }) => {
          if (method === "GET") return { status: 304 };
          taken.push(body);
          return { body: { acknowledged: taken.length, repeat: false, version: 1 } };
        });
        const store = fresh();
        const learner = await open({ store, endpoint: "/films" });
        const slate = learner.recommend({ k: 4 });
        const ids = slate.items.map(({ id }) => id);
        learner.click(slate, ids[0]);
        await learner.save();
        equal(learner.undo(slate, ids[0]), { sent: false }, "a delta was ready, and had not gone out");
        equal((await learner.sync()).sent, false);
        learner.click(slate, ids[0]);
        learner.click(slate, ids[1]);
        learner.undo(slate, ids[0]);
        await learner.sync();
        equal([taken.length, learner.lastSent().events, learner.metrics().unsent], [1, 1, 0]);

        // Another tab, and after what was sent: the next delta says so.
        const other = await open({ store, endpoint: "/films" });
        equal(other.undo(slate, ids[1]), { sent: true });
        other.click(slate, ids[2]);
        await other.sync();
        equal([taken.length, other.lastSent().events], [2, 1]);
        await until(() => learner.recommend({ k: 1 }) && learner.undo(slate, ids[1]) === null, "the first tab hears of it");
        await Promise.all([learner.close(), other.close()]);
        restore();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn what_is_taken_back_as_the_page_goes_is_left_behind_as_that() {
    run(r#"
        const store = fresh();
        const leave = () => globalThis.dispatchEvent(new Event("pagehide"));
        const learner = await open({ store });
        const slate = learner.recommend({ k: 4 });
        const ids = slate.items.map(({ id }) => id);
        learner.click(slate, ids[0]);
        await learner.save();
        learner.undo(slate, ids[0]);
        learner.click(slate, ids[1]);
        learner.click(slate, ids[2]);
        learner.undo(slate, ids[1]);
        leave();
        const next = await open({ store });
        equal(ids.map((id) => next.undo(slate, id)), [null, null, { sent: false }, null]);
        globalThis.dispatchEvent(new Event("pageshow"));
        await learner.close();
        await next.close();
    "#)
    .await;
}
