// React: one learner above, slates and impressions below. What is clicked and what is passed over teaches the next slate.

import { createRoot } from "react-dom/client";
import { BrookletProvider, useImpression, useLearner, useRecommendations } from "brooklet/react";

const options = { url: "/seed.safetensors" };
const titles = { 356: "Forrest Gump", 2571: "The Matrix", 597: "Pretty Woman", 260: "Star Wars", 1214: "Alien", 1721: "Titanic" };
const films = Object.keys(titles).map((id) => ({ id }));

function Film({ slate, id }) {
  return <li ref={useImpression(slate, id)}>{titles[id]}</li>;
}

function Shelf() {
  const { error } = useLearner();
  const [slate, refresh] = useRecommendations({ k: 3 });
  if (error) return <p>{error.message}</p>;
  return (
    <>
      <ul>{slate?.items.map(({ id }) => <Film key={`${slate.id} ${id}`} slate={slate} id={id} />)}</ul>
      <button onClick={refresh}>others</button>
    </>
  );
}

createRoot(document.querySelector("main")).render(
  <BrookletProvider options={options} items={films}>
    <Shelf />
  </BrookletProvider>,
);
