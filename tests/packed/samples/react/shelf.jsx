import { BrookletProvider, useImpression, useRecommendations } from "brooklet/react";

const options = { url: "/seed.safetensors", store: null };
const items = Array.from({ length: 6 }, (_, n) => ({ id: String(n + 1) }));

export function Shop() {
  return (
    <BrookletProvider options={options} items={items}>
      <Shelf />
    </BrookletProvider>
  );
}

function Shelf() {
  const [slate, refresh] = useRecommendations({ k: 3 });
  return (
    <>
      <ul>{slate?.items.map(({ id }) => <Film key={`${slate.id} ${id}`} slate={slate} id={id} />)}</ul>
      <button onClick={refresh}>more</button>
    </>
  );
}

function Film({ slate, id }) {
  return <li ref={useImpression(slate, id, { seconds: 0.2 })}>{id}</li>;
}
