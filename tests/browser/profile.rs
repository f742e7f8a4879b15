//! The profile in IndexedDB.

use wasm_bindgen_test::wasm_bindgen_test;

use crate::script::run;

#[wasm_bindgen_test]
async fn the_profile_survives() {
    run(r#"
        const store = fresh();
        const first = await open({ store });
        for (let i = 0; i < 5; i++) first.learnOne({ item: "1", genres: ["Sci-Fi"] }, 1);
        equal(first.metrics().saved, false);
        const { score } = first.predictOne({ item: "1", genres: ["Sci-Fi"] });
        await first.close();

        const second = await open({ store });
        equal([second.metrics().profile, second.metrics().events, second.metrics().saved], ["restored", 5, true]);
        equal(second.predictOne({ item: "1", genres: ["Sci-Fi"] }).score, score);

        // Two models do not share a profile.
        const other = await open({ store, bytes: bytes(1, "books") });
        equal(other.metrics().profile, "new");
        await other.close();
        await second.close();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn events_are_saved_without_being_asked() {
    run(r#"
        const store = fresh();
        const events = [];
        const learner = await open({ store, onEvent: (event) => events.push(event.type) });
        for (let i = 0; i < 5; i++) learner.learnOne({ item: "1" }, 1);
        await until(() => learner.metrics().saved, "a save");
        equal(events, ["saved"], "a burst of events is one save");

        const other = await open({ store });
        equal(other.metrics().events, 5);
        await other.close();
        await learner.close();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn two_tabs_keep_each_others_learning() {
    run(r#"
        const store = fresh();
        const told = [];
        const a = await open({ store });
        const b = await open({ store, onEvent: ({ type }) => told.push(type) });
        a.learnOne({ item: "2", genres: ["Sci-Fi"] }, 1);
        const saved = a.save();
        const shown = b.recommend({ k: 4 });
        b.click(shown, 1);
        b.learnOne({ item: "4" }, 0);
        await saved;
        await b.save();
        equal(told, ["merged", "saved"]);
        equal(b.metrics().events, 3, "b has learnt what a learnt");

        // The slate is still on the screen, though the learner beneath it is another.
        equal(b.click(shown, 1), null);
        equal(await code(() => b.click(shown, 7)), "unknown_item");
        b.skip(shown, 3);
        equal(b.recommend({ k: 4 }).items.length, 4, "and so is the catalogue");

        // Now a is behind, and neither loses anything, however they are interleaved.
        a.learnOne({ item: "1" }, 1);
        await Promise.all([a.save(), b.save(), a.save(), b.save()]);
        await Promise.all([a.close(), b.close()]);
        const c = await open({ store });
        equal([c.metrics().events, c.metrics().clicks], [5, 3]);
        await c.close();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn slates_wait_for_their_labels_through_a_reload() {
    run(r#"
        const store = fresh();
        const first = await open({ store });
        const shown = first.recommend({ k: 3 });
        first.click(shown, shown.items[0].id);
        await first.close();

        // Two tabs go on from there; each has slates of its own besides the one that both know.
        const [a, b] = await Promise.all([open({ store }), open({ store })]);
        equal(a.click(shown, shown.items[0].id), null);
        const [ofA, ofB] = [a.recommend({ k: 1 }), b.recommend({ k: 2 })];
        holds(ofA.id !== ofB.id, "no id means two slates");
        a.click(shown, shown.items[1].id);
        b.click(shown, shown.items[1].id);
        b.skip(shown, shown.items[2].id);
        b.click(ofB, ofB.items[0].id);
        await a.save();
        await b.save();
        equal(b.metrics().events, 4, "a label that both gave is learnt once");
        equal(b.click(ofB, ofB.items[0].id), null);
        b.skip(ofB, ofB.items[1].id);
        b.skip(ofA, ofA.items[0].id);
        equal(a.skip(ofB, ofB.items[1].id), null, "a has not heard of it yet");
        a.learnOne({ item: "1" }, 1);
        await b.save();
        await a.save();
        equal(a.metrics().events, 7);
        equal(a.skip(ofB, ofB.items[1].id), null);
        await Promise.all([a.close(), b.close()]);
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn saving_goes_on_while_the_page_clicks() {
    run(r#"
        const store = fresh();
        const [a, b] = await Promise.all([open({ store }), open({ store })]);
        const work = [];
        for (let i = 0; i < 30; i++) {
          (i % 2 ? a : b).learnOne({ item: `${i % 4}` }, i % 3 ? 1 : 0);
          work.push(a.save(), b.save());
          if (i % 5 === 0) await pause(1);
        }
        await Promise.all(work);
        await Promise.all([a.close(), b.close()]);
        const c = await open({ store });
        equal(c.metrics().events, 30);
        await c.close();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn reset_forgets() {
    run(r#"
        const store = fresh();
        const learner = await open({ store });
        const slate = learner.recommend();
        const before = learner.predictOne({ item: "1" }).score;
        learner.learnOne({ item: "1" }, 1);
        await learner.save();
        await learner.reset();
        equal([learner.metrics().events, learner.metrics().unsent, learner.metrics().profile], [0, 0, "new"]);
        equal(learner.predictOne({ item: "1" }).score, before);
        equal(learner.recommend().items.length, 4, "the catalogue stays");
        learner.click(slate, 1);
        await learner.close();
        const again = await open({ store });
        equal(again.metrics().events, 1);

        // A tab that slept through the reset does not bring the old profile back.
        const sleeper = await open({ store });
        await again.reset();
        sleeper.learnOne({ item: "2" }, 1);
        await sleeper.save();
        equal(sleeper.metrics().events, 1);
        await Promise.all([again.close(), sleeper.close()]);
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_broken_profile_is_replaced_and_said_so() {
    run(r#"
        const store = fresh();
        const learner = await open({ store });
        learner.learnOne({ item: "1" }, 1);
        await learner.close();
        const database = await new Promise((resolve, reject) => {
          const request = indexedDB.open(store);
          request.onsuccess = () => resolve(request.result);
          request.onerror = reject;
        });
        const put = (record) => new Promise((resolve, reject) => {
          const transaction = database.transaction("brooklet", "readwrite");
          transaction.objectStore("brooklet").put(record, "profile/films");
          transaction.oncomplete = resolve;
          transaction.onabort = reject;
        });
        for (const profile of [new Uint8Array([1, 2, 3]), new Uint8Array(0), "text", undefined]) {
          await put({ revision: 7, profile });
          const after = await open({ store });
          equal([after.metrics().profile, after.metrics().events], ["replaced", 0]);
          after.learnOne({ item: "1" }, 1);
          await after.close();
          const next = await open({ store });
          equal([next.metrics().profile, next.metrics().events], ["restored", 1]);
          await next.close();
        }
        database.close();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_deleted_database_is_made_again() {
    run(r#"
        const store = fresh();
        const learner = await open({ store });
        learner.learnOne({ item: "1" }, 1);
        await learner.save();
        await new Promise((resolve, reject) => {
          const request = indexedDB.deleteDatabase(store);
          request.onsuccess = resolve;
          request.onerror = request.onblocked = reject;
        });
        learner.learnOne({ item: "2" }, 1);
        await learner.save();
        equal(learner.metrics().events, 1, "what was deleted is gone, what came after it is not");
        await learner.close();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn an_idle_tab_hears_what_another_learnt() {
    run(r#"
        const store = fresh();
        const told = [];
        const idle = await open({ store, onEvent: ({ type }) => told.push(type) });
        const other = await open({ store });
        other.learnOne({ item: "2", genres: ["Sci-Fi"] }, 1);
        await until(() => idle.metrics().events === 1, "news of the other tab");
        equal(told, ["merged"]);
        equal(idle.predictOne({ item: "2" }).score, other.predictOne({ item: "2" }).score);
        await Promise.all([idle.close(), other.close()]);
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn who_leaves_a_block_loses_nothing() {
    run(r#"
        const store = fresh();
        const learner = await open({ store });
        const slate = learner.recommend({ k: 2 });
        learner.click(slate, slate.items[1].id);
        learner.free();
        await until(async () => {
          const next = await open({ store });
          const { events } = next.metrics();
          await next.close();
          return events === 1;
        }, "a save after free()");
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_store_that_sleeps_keeps_nobody_waiting() {
    run(r#"
        const store = fresh();
        const before = await open({ store });
        before.learnOne({ item: "1" }, 1);
        await before.close();
        // While an upgrade waits for a connection that does not give way, nobody opens the database.
        const connection = await new Promise((resolve) => {
          indexedDB.open(store).onsuccess = ({ target }) => resolve(target.result);
        });
        const upgrade = indexedDB.open(store, 2);
        upgrade.onupgradeneeded = () => upgrade.transaction.abort();
        upgrade.onerror = (event) => event.preventDefault();
        const told = [];
        const learner = await open({ store, onEvent: ({ type, error }) => told.push(error?.code ?? type) });
        equal([told, learner.metrics().profile, learner.metrics().saved], [["storage"], "memory", false]);
        learner.learnOne({ item: "2" }, 1);
        equal(learner.metrics().events, 1);
        connection.close();
        await until(() => learner.metrics().saved, "it is in the store when that wakes");
        equal([learner.metrics().events, learner.metrics().profile], [2, "restored"]);
        await learner.close();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_page_that_is_left_while_it_opens_is_in_no_others_way() {
    run(r#"
        const store = fresh();
        const first = await open({ store });
        for (let i = 0; i < 3; i++) first.learnOne({ item: "1" }, 1);
        await first.close();
        const done = (request) => new Promise((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = reject;
        });
        // What another tab does has the store for itself, and has not ended when the page is left.
        const database = await done(indexedDB.open(store));
        // At once the learner's own connection is being opened, a little later its transaction waits.
        for (const wait of [0, 50]) {
          const objects = database.transaction("brooklet", "readwrite").objectStore("brooklet");
          let goesOn = true;
          const again = () => { if (goesOn) objects.get("none").onsuccess = again; };
          again();
          let settled = false;
          const opening = open({ store }).finally(() => (settled = true));
          await pause(wait);
          globalThis.dispatchEvent(new Event("pagehide"));
          goesOn = false;
          await done(database.transaction("brooklet", "readwrite").objectStore("brooklet").get("none"));
          await pause(50);
          equal(settled, false, `the page is not there, which was left after ${wait} ms`);
          globalThis.dispatchEvent(new Event("pageshow"));
          const learner = await opening;
          equal([learner.metrics().profile, learner.metrics().events], ["restored", 3]);
          await learner.close();
        }
        database.close();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_large_profile_is_saved_by_what_changed() {
    run(r#"
        const store = fresh();
        const done = (request) => new Promise((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = reject;
        });
        const learner = await open({ store, log: 1 });
        for (let i = 0; i < 500; i++) learner.learnOne({ tag: `${i}` }, i % 2);
        await learner.save();
        const { put } = IDBObjectStore.prototype;
        const keys = [];
        IDBObjectStore.prototype.put = function (value, key) { keys.push(key); return put.call(this, value, key); };
        learner.learnOne({ tag: "70" }, 1);
        await learner.save();
        IDBObjectStore.prototype.put = put;
        equal(keys.filter((key) => key !== "log/films"), ["profile/films", ["rows", "films", 1, 1]]);
        const { profile, pieces, ...rest } = await kept(store, "profile/films");
        equal(pieces, [0, Math.ceil(500 / 64)]);
        const scores = (learner) => [3, 70, 499].map((tag) => learner.predictOne({ tag: `${tag}` }).score);
        const expected = scores(learner);
        const opened = JSON.parse(learner.exportLog().split("\n").findLast((line) => line.includes('"opened"')));
        const whole = Uint8Array.from(opened.profile.match(/../g), (byte) => parseInt(byte, 16));
        await learner.close();

        const change = async (work) => {
          const database = await done(indexedDB.open(store));
          const objects = database.transaction("brooklet", "readwrite").objectStore("brooklet");
          await work(objects);
          database.close();
        };
        const again = async () => {
          const learner = await open({ store });
          const found = [learner.metrics().profile, scores(learner)];
          await learner.close();
          return found;
        };
        equal(await again(), ["restored", expected]);
        // As it was kept before: in one record.
        await change(async (objects) => {
          await done(objects.delete(IDBKeyRange.bound(["rows"], ["rows", []])));
          await done(objects.put({ ...rest, profile: whole }, "profile/films"));
        });
        equal(await again(), ["restored", expected]);
        const tab = await open({ store });
        tab.learnOne({ tag: "0" }, 1);
        await tab.close();
        equal((await kept(store, "profile/films")).pieces, pieces, "it is in pieces from its next save on");
        await change((objects) => done(objects.delete(["rows", "films", 1, 3])));
        const [origin, found] = await again();
        equal(origin, "replaced", "a piece is missing");
        holds(JSON.stringify(found) !== JSON.stringify(expected), "it was begun anew");
    "#)
    .await;
}
