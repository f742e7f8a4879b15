import init, { Learner } from "brooklet";
import { readFile } from "node:fs/promises";
import { Live } from "./live.jsx";

// On the server, while the page is built.
export default async function Page() {
  await init();
  const learner = await Learner.open({ bytes: await readFile(process.env.SEED), store: null });
  learner.addItems([{ id: "1" }, { id: "2" }]);
  const shown = learner.recommend({ k: 2 }).items.length;
  await learner.close();
  return (
    <main>
      <p id="server">{shown} shown</p>
      <Live />
    </main>
  );
}
